"""Brings together what a model said about the holdout and what its members have answered."""

import csv
from collections import Counter
from collections.abc import Sequence

import numpy as np

from buyer_stage.domain.errors import LabeledSetError, ModelError
from buyer_stage.domain.features import MEMBER_ID, TARGET_COLUMN
from buyer_stage.domain.stages import Stage, parse_stage
from buyer_stage.domain.transform_output import InvalidScoredLineError, parse_scored_line
from buyer_stage.quality.evaluation import Matrix, Predictions

LABELS = tuple(stage.value for stage in Stage)
STAGE_INDEX = {stage: index for index, stage in enumerate(Stage)}


def answers(record: Sequence[str]) -> list[tuple[str, Stage]]:
    """Give member and stage of each row of a split.

    Args:
        record: lines of the split's `with-members` file, with header.

    Raises:
        LabeledSetError: it has no rows.
    """
    rows = [(row[MEMBER_ID], parse_stage(row[TARGET_COLUMN])) for row in csv.DictReader(record)]
    if not rows:
        raise LabeledSetError("the split has no rows; build the labeled set again")
    return rows


def class_shares(rows: Sequence[tuple[str, Stage]]) -> Matrix:
    """Give the share of each stage, in the order of `LABELS`."""
    counts = Counter(stage for _, stage in rows)
    return np.array([counts[stage] / len(rows) for stage in Stage])


def predictions(rows: Sequence[tuple[str, Stage]], output: Sequence[str]) -> Predictions:
    """Join a transform's output to the rows that it was asked about, which batch transform keeps in order.

    Args:
        rows: member and stage, in the order of the transform's input.
        output: lines of the transform's output: label, labels, probabilities.

    Raises:
        ModelError: the output is not one usable line for each row.
    """
    if len(output) != len(rows):
        raise ModelError(f"the model answered {len(output)} of {len(rows)} rows of the holdout")
    try:
        # The answer to a row, as the push to DynamoDB reads it, but for the member's id.
        scored = [parse_scored_line(f"row-{number},{line}") for number, line in enumerate(output)]
    except InvalidScoredLineError as error:
        raise ModelError(f"the model's answers to the holdout cannot be read: {error}") from error
    probabilities = np.array([[record.probabilities[stage] for stage in Stage] for record in scored])
    return Predictions(
        labels=LABELS,
        members=tuple(member for member, _ in rows),
        actual=np.array([STAGE_INDEX[stage] for _, stage in rows]),
        probabilities=probabilities,
        named=np.array([STAGE_INDEX[record.stage] for record in scored]),
    )
