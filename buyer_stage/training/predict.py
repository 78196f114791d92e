"""Scores members with a trained model.

    python -m buyer_stage.training.predict --model model.tar.gz --input rows.csv --output stages.csv

The input has a header with `member_id` and the model's features; other columns, labels among them, are not looked at.
The output has a line per row, in the same order: member_id, stage, and the probability of each stage. The stage named
is not always the most probable one: the rule that names it gives rare stages their chance, see `calibration`.
"""

import argparse
import csv
import sys
from collections.abc import Sequence
from pathlib import Path

from buyer_stage.domain.errors import BuyerStageError
from buyer_stage.domain.features import MEMBER_ID
from buyer_stage.training.model_archive import Model, load_model
from buyer_stage.training.training_rows import feature_values, member_ids, read_csv

STAGE_COLUMN = "stage"


def predict(model: Model, source: Path, output: Path) -> int:
    """Score every row of a CSV file, or of all in a folder, and give their number.

    Raises:
        InvalidInputError: a column is missing, or a value is impossible.
    """
    frame = read_csv(source)
    members = member_ids(frame, source)
    probabilities = model.probabilities(feature_values(frame, model.features, source))
    output.parent.mkdir(parents=True, exist_ok=True)
    with output.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([MEMBER_ID, STAGE_COLUMN, *model.labels])
        for member, named, row in zip(members, model.named(probabilities), probabilities.tolist(), strict=True):
            writer.writerow([member, model.labels[named], *row])
    return len(members)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; an error on purpose ends it with its message and exit code 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--model", "--input", "--output"):
        parser.add_argument(name, required=True, type=Path)
    parsed = parser.parse_args(arguments)
    try:
        rows = predict(load_model(parsed.model), parsed.input, parsed.output)
    except BuyerStageError as error:
        sys.exit(f"no scores: {error}")
    print(f"{rows} rows scored: {parsed.output}")


if __name__ == "__main__":
    main()
