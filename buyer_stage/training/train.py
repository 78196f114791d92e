r"""Train a model on labeled rows of members.

    python -m buyer_stage.training.train --input rows.csv --output model.tar.gz --seed 7
    python -m buyer_stage.training.train --train train.csv --validation validation.csv --test test.csv \
        --output model.tar.gz --seed 7

Each CSV file has a header with `member_id`, the 155 features of the model and `buyer_stage`; other columns are ignored.
With one input, the command measures the model on members held out fold by fold. With splits, it trains on the train and
validation splits and measures the model on the test split. If a member is in more than one split, the command saves no
model: it prints the score that the leak inflates next to the honest score, and fails.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from buyer_stage.domain.errors import BuyerStageError, LabeledSetError
from buyer_stage.domain.features import MODEL_FEATURES
from buyer_stage.domain.leak_guard import require_disjoint_members
from buyer_stage.quality.evaluation import HIGHER_IS_BETTER, evaluate
from buyer_stage.quality.predictions import Predictions
from buyer_stage.training.fitting import train_showing_progress
from buyer_stage.training.model_archive import save_model
from buyer_stage.training.training_rows import TrainingRows, read_training_rows

SPLITS = ("train", "validation", "test")


def train_from_rows(rows: TrainingRows, output: Path, seed: int, console: Console) -> None:
    """Train on all rows, save the model, and show its metrics on held-out folds."""
    show_rows({"input": rows}, console)
    training = train_showing_progress(rows, seed, console)
    save_model(training.model, output)
    show_quality({"members held out, fold by fold": training.predictions}, rows, seed, console)


def train_from_splits(splits: dict[str, TrainingRows], output: Path, seed: int, console: Console) -> None:
    """Train on all splits but the last, save the model, and measure it on the last.

    Raises:
        LabeledSetError: a member is in more than one split. Both scores have been shown, and no model was saved.
    """
    show_rows(splits, console)
    try:
        require_disjoint_members({split: rows.members for split, rows in splits.items()})
    except LabeledSetError:
        show_leak(splits, seed, console)
        raise
    *fitted, measured = splits.values()
    training = train_showing_progress(joined(fitted), seed, console)
    save_model(training.model, output)
    show_quality({"test": training.model.predict(measured)}, joined(fitted), seed, console)


def show_leak(splits: dict[str, TrainingRows], seed: int, console: Console) -> None:
    """Show the score of a model that was trained on members it is measured on, and the score without them."""
    *others, (name, measured) = splits.items()
    known = {member for _, rows in others for member in rows.members}
    if known.isdisjoint(measured.members):  # the leak is among the earlier splits
        *others, (name, measured) = others
    fitted = joined([rows for _, rows in others])
    honest = fitted.without_members(measured.members)
    console.print(
        f"{len(set(fitted.members) & set(measured.members))} members of {name} are also in "
        f"{', '.join(split for split, _ in others)}. Metrics on {name} with and without these members in training:"
    )
    models = {
        "leaked: trained on these members": train_showing_progress(fitted, seed, console).model,
        "honest: trained without them": train_showing_progress(honest, seed, console).model,
    }
    show_quality({title: model.predict(measured) for title, model in models.items()}, fitted, seed, console)


def joined(parts: Sequence[TrainingRows]) -> TrainingRows:
    """Return the rows of all parts."""
    rows, *others = parts
    for other in others:
        rows = rows.with_rows(other)
    return rows


def show_rows(splits: dict[str, TrainingRows], console: Console) -> None:
    """Show the number of rows, members and duplicate members."""
    for split, rows in splits.items():
        console.print(
            f"{split}: {len(rows.members):,} rows of {len(set(rows.members)):,} members; "
            f"{len(rows.duplicate_members):,} duplicate members"
        )


def show_quality(measured: dict[str, Predictions], training: TrainingRows, seed: int, console: Console) -> None:
    """Show the metrics of predictions side by side, followed by those of the prior."""
    evaluations = {title: evaluate(predictions, training.prior, seed=seed) for title, predictions in measured.items()}
    columns = {title: evaluation.metrics for title, evaluation in evaluations.items()}
    columns["prior"] = next(iter(evaluations.values())).baselines["prior"]
    table = Table("", *columns)
    for metric in HIGHER_IS_BETTER:
        estimates = [column[metric] for column in columns.values()]
        table.add_row(metric, *(f"{each.value:.3f} ({each.low:.3f} to {each.high:.3f})" for each in estimates))
    console.print(table)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; an error raised on purpose ends it with the error's message and exit code 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--input", type=Path, help="all rows to learn from: a CSV file, or a folder of CSV files")
    for split in SPLITS:
        parser.add_argument(f"--{split}", type=Path, help=f"rows of the {split} split")
    parser.add_argument("--output", required=True, type=Path, help="model archive to write")
    parser.add_argument("--seed", required=True, type=int, help="seed of everything random")
    parsed = parser.parse_args(arguments)
    paths = {split: getattr(parsed, split) for split in SPLITS if getattr(parsed, split)}
    if bool(parsed.input) == bool(paths) or (paths and paths.keys() != set(SPLITS)):
        parser.error(f"specify either --input, or all of --{', --'.join(SPLITS)}")
    console = Console(stderr=True, highlight=False)
    try:
        if parsed.input:
            rows = read_training_rows(parsed.input, MODEL_FEATURES)
            train_from_rows(rows, parsed.output, parsed.seed, console)
        else:
            splits = {split: read_training_rows(path, MODEL_FEATURES) for split, path in paths.items()}
            train_from_splits(splits, parsed.output, parsed.seed, console)
    except BuyerStageError as error:
        sys.exit(f"no model: {error}")
    console.print(f"model: {parsed.output}")


if __name__ == "__main__":
    main()
