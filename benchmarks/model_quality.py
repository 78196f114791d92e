r"""Measures what training is worth on unseen members, candidate by candidate and as a whole.

    python -m benchmarks.model_quality [--sample CSV] [--seed 7] [--folds 5]

Each fifth of the members is held out in turn, and the whole procedure runs on the others: its inner folds choose the
blend and the rule, and the held-out fifth only measures. The second table is the leaked score: the same procedure with
held-out *rows*, whose members are known from other days. The document goes to `build/benchmarks/`.
"""

import argparse
import dataclasses
import importlib.util
import json
import tempfile
import time
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from rich.console import Console
from rich.table import Table

from buyer_stage.domain.features import MAXIMUM_DWELL_SECONDS, MODEL_FEATURES, SOURCE_COLUMNS, TARGET_COLUMN, Rule
from buyer_stage.domain.stages import Stage
from buyer_stage.domain.windows import Window
from buyer_stage.quality.bootstrap import Estimate
from buyer_stage.quality.evaluation import metric_estimates
from buyer_stage.quality.predictions import Classes, Matrix, Predictions, baseline_predictions
from buyer_stage.training.candidates import raw_probabilities
from buyer_stage.training.fitting import FOLDS, Training, choose, member_folds, train
from buyer_stage.training.representations import REPRESENTATIONS
from buyer_stage.training.training_rows import TrainingRows, read_training_rows
from sample_data.behavior import draw_behavior, draw_members
from tools.repository import REPOSITORY

SAMPLE = REPOSITORY.parent / "shared" / "data" / "original_train_sample.csv"
OUTPUT = REPOSITORY / "build" / "benchmarks" / "model_quality.json"

SYNTHETIC_MEMBERS = 1000
SYNTHETIC_DAYS = tuple(date(2020, 1, 31) + timedelta(days=day) for day in range(4))
"""About as many rows as the original's sample has."""

SHOWN = ("log_loss", "macro_f1", "balanced_accuracy", "ece", "ordinal_error")
PROCEDURE = "the procedure"
AUTOGLUON = "AutoGluon"
AUTOGLUON_SECONDS = 60

HeldOut = dict[str, list[tuple[Classes, Predictions]]]
"""Candidate -> for each fold, the positions of the held-out rows and their predictions."""


@dataclasses.dataclass(frozen=True)
class Line:
    """A line of the table.

    Attributes:
        metrics: metric -> value with interval.
        seconds: time spent on all folds, or None for a baseline.
    """

    metrics: dict[str, Estimate]
    seconds: float | None


def synthetic_rows(seed: int) -> TrainingRows:
    """Return the features of generated members on several days, as the ETL computes them, with their stages."""
    members = draw_members(np.random.default_rng(seed), SYNTHETIC_MEMBERS)
    parts = []
    for day in SYNTHETIC_DAYS:
        behavior = draw_behavior(np.random.default_rng([seed, day.toordinal()]), members, day)
        columns: list[npt.NDArray[Any]] = []
        for position, _ in enumerate(Window):
            for source in SOURCE_COLUMNS:
                values = behavior.columns[source.name][:, position]
                present = behavior.present[:, position]
                if source.rule is Rule.ONE_HOT:
                    columns += [present & (np.char.strip(values.filled("").astype(str)) == v) for v in source.values]
                else:
                    numbers = np.where(present, np.nan_to_num(values.filled(0).astype(float)), 0)
                    columns.append(np.minimum(numbers, MAXIMUM_DWELL_SECONDS) if source.rule is Rule.DWELL else numbers)
        features = np.column_stack(columns).astype(np.float64)
        parts.append(TrainingRows(MODEL_FEATURES, tuple(Stage), tuple(members.ids.tolist()), features, members.stages))
    rows, *others = parts
    for other in others:
        rows = rows.with_rows(other)
    return rows


def measure(rows: TrainingRows, folds: int, seed: int, console: Console, title: str) -> dict[str, Line]:
    """Hold out each fold in turn, run the whole procedure on the others, and measure everything that it tried.

    Returns:
        The procedure first, then its candidates, each blended with the prior and with a rule chosen in the same way.
    """
    predictions: HeldOut = {}
    seconds: dict[str, float] = {}
    for number, (fitted, held_out) in enumerate(member_folds(rows, folds, seed), start=1):
        known, unknown = rows.take(fitted), rows.take(held_out)
        with console.status(f"{title}, fold {number} of {folds}"):
            started = time.monotonic()
            training = train(known, seed, lambda _: None)
            _add(seconds, PROCEDURE, time.monotonic() - started)
            predictions.setdefault(PROCEDURE, []).append((held_out, training.model.predict(unknown)))
            for position, name in enumerate(training.out_of_fold.names[:-1]):
                _add(seconds, name, training.out_of_fold.seconds[position])
                candidate = _candidate_predictions(training, known, unknown, position)
                predictions.setdefault(name, []).append((held_out, candidate))
            if importlib.util.find_spec("autogluon") is not None:
                started = time.monotonic()
                predictions.setdefault(AUTOGLUON, []).append((held_out, _autogluon_predictions(known, unknown)))
                _add(seconds, AUTOGLUON, time.monotonic() - started)
    return {
        name: Line(metric_estimates(_in_order(rows, parts), seed=seed), seconds[name])
        for name, parts in predictions.items()
    }


def _add(seconds: dict[str, float], name: str, more: float) -> None:
    seconds[name] = seconds.get(name, 0) + more


def _in_order(rows: TrainingRows, parts: Sequence[tuple[Classes, Predictions]]) -> Predictions:
    positions = np.concatenate([positions for positions, _ in parts])
    order = np.argsort(positions)
    probabilities = np.vstack([each.probabilities for _, each in parts])[order]
    predicted = np.concatenate([each.predicted for _, each in parts])[order]
    return Predictions(rows.labels, rows.members, rows.classes, probabilities, predicted)


def _candidate_predictions(
    training: Training, known: TrainingRows, unknown: TrainingRows, position: int
) -> Predictions:
    """Return the predictions of one candidate alone, with weight and rule chosen on the inner folds."""
    component = training.model.components[position]
    inner = training.out_of_fold.probabilities[[position, -1]]
    choice = choose(inner, known.classes, known.prior)
    inputs = REPRESENTATIONS[component.representation](unknown.features, unknown.values)
    raw = raw_probabilities(component.estimator, inputs)
    both = np.stack([raw, np.tile(known.prior, (len(raw), 1))])
    return choice.predict(both, unknown.labels, unknown.members, unknown.classes)


def _autogluon_predictions(known: TrainingRows, unknown: TrainingRows) -> Predictions:
    """Return AutoGluon's predictions, where it is installed. The product does not need it."""
    from autogluon.tabular import TabularPredictor  # type: ignore[import-not-found]

    frame = pd.DataFrame(known.values, columns=list(known.features))
    frame[TARGET_COLUMN] = known.classes
    with tempfile.TemporaryDirectory() as folder:
        predictor = TabularPredictor(TARGET_COLUMN, "multiclass", "log_loss", path=folder, verbosity=0)
        predictor.fit(frame, time_limit=AUTOGLUON_SECONDS)
        predicted = predictor.predict_proba(pd.DataFrame(unknown.values, columns=list(unknown.features)))
    probabilities: Matrix = predicted[list(range(len(known.labels)))].to_numpy(np.float64)
    return Predictions(
        unknown.labels, unknown.members, unknown.classes, probabilities, probabilities.argmax(axis=1).astype(np.int64)
    )


def baselines(rows: TrainingRows, seed: int) -> dict[str, Line]:
    """Return the metrics that predictions reach without looking at the members."""
    prior = np.tile(rows.prior, (len(rows.members), 1))
    blind = Predictions(rows.labels, rows.members, rows.classes, prior, prior.argmax(axis=1).astype(np.int64))
    return {
        name: Line(metric_estimates(predictions, seed=seed), None)
        for name, predictions in baseline_predictions(blind, rows.prior, seed).items()
    }


def show(lines: dict[str, Line], title: str, console: Console) -> None:
    """Print a table."""
    table = Table("", *SHOWN, "seconds", title=title, title_justify="left")
    for name, line in lines.items():
        estimates = [line.metrics[metric] for metric in SHOWN]
        cells = [f"{each.value:.3f} ({each.low:.3f} to {each.high:.3f})" for each in estimates]
        table.add_row(name, *cells, "" if line.seconds is None else f"{line.seconds:.0f}")
    console.print(table)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=Path, help="CSV of labeled rows, default the one next to the repository")
    parser.add_argument("--seed", type=int, default=7, help="seed of folds and models, default 7")
    parser.add_argument("--folds", type=int, default=FOLDS, help=f"number of folds, default {FOLDS}")
    parsed = parser.parse_args(arguments)
    console = Console(highlight=False, width=160)
    sample = parsed.sample or (SAMPLE if SAMPLE.is_file() else None)
    rows = read_training_rows(sample, MODEL_FEATURES) if sample else synthetic_rows(parsed.seed)
    source = "the real sample" if sample else "synthetic members"
    console.print(f"{source}: {len(rows.members):,} rows of {len(set(rows.members)):,} members, seed {parsed.seed}")

    honest = measure(rows, parsed.folds, parsed.seed, console, "members held out")
    honest |= baselines(rows, parsed.seed)
    show(honest, f"Members held out, {parsed.folds} folds; 95% intervals resample members", console)
    by_row = dataclasses.replace(rows, members=tuple(str(row) for row in range(len(rows.members))))
    leaked = measure(by_row, parsed.folds, parsed.seed, console, "rows held out")
    show(
        leaked,
        "LEAKED: rows held out, their members known from other days. This is not what the model is worth",
        console,
    )

    document = {
        "source": source,
        "rows": len(rows.members),
        "members": len(set(rows.members)),
        "seed": parsed.seed,
        "folds": parsed.folds,
        "honest": {name: dataclasses.asdict(line) for name, line in honest.items()},
        "leaked": {name: dataclasses.asdict(line) for name, line in leaked.items()},
    }
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(json.dumps(document, indent=2) + "\n")
    console.print(f"all figures are in {OUTPUT.relative_to(REPOSITORY)}")


if __name__ == "__main__":
    main()
