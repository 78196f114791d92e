"""Join a model's predictions for the holdout to the labels of its members."""

import csv
from collections import Counter
from collections.abc import Sequence

import numpy as np

from buyer_stage.domain.errors import LabeledSetError, ModelError
from buyer_stage.domain.features import MEMBER_ID, TARGET_COLUMN
from buyer_stage.domain.stages import Stage, parse_stage
from buyer_stage.domain.transform_output import InvalidScoredLineError, parse_scored_line
from buyer_stage.quality.predictions import Matrix, Predictions

LABELS = tuple(stage.value for stage in Stage)
STAGE_INDEX = {stage: index for index, stage in enumerate(Stage)}


def labels(split_file: Sequence[str]) -> list[tuple[str, Stage]]:
    """Return the member and the label of each row of a split.

    Args:
        split_file: lines of the split file, with header.

    Raises:
        LabeledSetError: the split has no rows.
    """
    rows = [(row[MEMBER_ID], parse_stage(row[TARGET_COLUMN])) for row in csv.DictReader(split_file)]
    if not rows:
        raise LabeledSetError("the split has no rows; build the labeled set again")
    return rows


def class_shares(rows: Sequence[tuple[str, Stage]]) -> Matrix:
    """Return the share of each stage, in the order of `LABELS`."""
    counts = Counter(stage for _, stage in rows)
    return np.array([counts[stage] / len(rows) for stage in Stage])


def predictions(rows: Sequence[tuple[str, Stage]], output: Sequence[str]) -> Predictions:
    """Join a transform's output to its rows, which batch transform keeps in order.

    Args:
        rows: member and label, in the order of the transform's input.
        output: lines of the transform's output: predicted stage, labels, probabilities.

    Raises:
        ModelError: the output does not have one usable line for each row.
    """
    if len(output) != len(rows):
        raise ModelError(f"the model returned {len(output)} predictions for the {len(rows)} rows of the holdout")
    try:
        # Without a member id, unlike the lines that the push to DynamoDB reads.
        scored = [parse_scored_line(f"row-{number},{line}") for number, line in enumerate(output)]
    except InvalidScoredLineError as error:
        raise ModelError(f"the model's predictions for the holdout cannot be read: {error}") from None
    return Predictions(
        labels=LABELS,
        members=tuple(member for member, _ in rows),
        actual=np.array([STAGE_INDEX[stage] for _, stage in rows]),
        probabilities=np.array([[each.probabilities[stage] for stage in Stage] for each in scored]),
        predicted=np.array([STAGE_INDEX[each.stage] for each in scored]),
    )
