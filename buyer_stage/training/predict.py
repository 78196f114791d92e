"""Score members with a trained model.

    python -m buyer_stage.training.predict --model model.tar.gz --input rows.csv --output stages.csv

The input has a header with `member_id` and the model's features; other columns, such as labels, are ignored. The output
has a line for each row, in the same order: member_id, stage, and the probability of each stage. The stage is not always
the most probable one, because the model also predicts rare stages (see `buyer_stage.training.blending`).
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
    """Score every row of a CSV file, or of all files in a folder, and return the number of rows.

    Raises:
        InvalidInputError: a file or column is missing, or a value is impossible.
    """
    frame = read_csv(source)
    members = member_ids(frame, source)
    probabilities = model.probabilities(feature_values(frame, model.features, source))
    output.parent.mkdir(parents=True, exist_ok=True)
    with output.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([MEMBER_ID, STAGE_COLUMN, *model.labels])
        predicted = model.predicted(probabilities)
        for member, stage, row in zip(members, predicted, probabilities.tolist(), strict=True):
            writer.writerow([member, model.labels[stage], *row])
    return len(members)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; an error raised on purpose ends it with the error's message and exit code 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, type=Path, help="model archive to read")
    parser.add_argument("--input", required=True, type=Path, help="CSV file, or folder of CSV files, to score")
    parser.add_argument("--output", required=True, type=Path, help="CSV file to write")
    parsed = parser.parse_args(arguments)
    try:
        rows = predict(load_model(parsed.model), parsed.input, parsed.output)
    except BuyerStageError as error:
        sys.exit(f"no scores: {error}")
    print(f"{rows} rows scored: {parsed.output}")


if __name__ == "__main__":
    main()
