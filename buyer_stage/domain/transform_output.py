"""Scored lines: what batch transform writes for each member and the push to DynamoDB reads.

The model's response holds `INFERENCE_RESPONSE_KEYS` in this order. `JoinSource=Input` appends it to the columns of the
input, and `OUTPUT_FILTER` keeps the member id and the response: `member_id, stage, [labels], [probabilities]`.
"""

import ast
import csv
import math
from dataclasses import dataclass

from buyer_stage.domain.stages import Stage, parse_stage

INFERENCE_RESPONSE_KEYS: tuple[str, ...] = ("predicted_label", "labels", "probabilities")
"""Requested from Autopilot's inference container; the labels say in which order the probabilities are."""

_PREDICTION = ",".join(str(i) for i in range(-len(INFERENCE_RESPONSE_KEYS), 0))

OUTPUT_FILTER = f"$[0,{_PREDICTION}]"

PREDICTION_FILTER = f"$[{_PREDICTION}]"
"""Keeps only the response, for the rows of the holdout, which have no member id and stay in order."""

OUTPUT_FILE_SUFFIX = ".out"
"""Batch transform appends this to the name of the input file."""

PROBABILITY_SUM_TOLERANCE = 1e-3
"""Largest accepted difference between 1 and the sum of the printed probabilities."""


@dataclass(frozen=True)
class ScoredMember:
    """A member's predicted stage with the probability of each stage."""

    member_id: str
    stage: Stage
    probabilities: dict[Stage, float]


class InvalidScoredLineError(ValueError):
    """A scored line cannot be used; the message is the reason that the quarantine keeps."""


def parse_scored_line(line: str) -> ScoredMember:
    """Read a scored line.

    Args:
        line: CSV of member id, predicted stage, list of labels, and list of probabilities in the same order.

    Raises:
        InvalidScoredLineError: a field is missing, the member id is empty, a stage is unknown, or a
            probability is impossible.
    """
    fields = next(csv.reader([line], skipinitialspace=True), [])
    if len(fields) != 1 + len(INFERENCE_RESPONSE_KEYS):
        raise InvalidScoredLineError(f"{len(fields)} fields instead of {1 + len(INFERENCE_RESPONSE_KEYS)}")
    member_id, label, labels_text, probabilities_text = (field.strip() for field in fields)
    if not member_id:
        raise InvalidScoredLineError("no member_id")
    labels, values = _parse_list(labels_text), _parse_list(probabilities_text)
    try:
        stage = parse_stage(label)
        probabilities = {parse_stage(str(name)): float(str(value)) for name, value in zip(labels, values, strict=True)}
    except ValueError as error:
        raise InvalidScoredLineError(str(error)) from error
    if stage not in probabilities or not all(0 <= p <= 1 for p in probabilities.values()):
        raise InvalidScoredLineError(f"impossible probabilities {probabilities_text}")
    if not math.isclose(sum(probabilities.values()), 1, abs_tol=PROBABILITY_SUM_TOLERANCE):
        raise InvalidScoredLineError(f"probabilities {probabilities_text} do not add up to 1")
    return ScoredMember(member_id, stage, {s: probabilities.get(s, 0.0) for s in Stage})


def member_of_scored_line(line: str) -> str:
    """Return the member id of a scored line, whatever is wrong with the rest of it."""
    try:
        fields = next(csv.reader([line], skipinitialspace=True), [])
    except csv.Error:
        fields = line.split(",")
    return fields[0].strip() if fields else ""


def _parse_list(text: str) -> list[object]:
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError) as error:
        raise InvalidScoredLineError(f"not a list: {text!r}") from error
    if not isinstance(value, list):
        raise InvalidScoredLineError(f"not a list: {text!r}")
    return value
