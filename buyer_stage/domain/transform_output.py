"""Scored lines: what batch transform writes for each member and the push to DynamoDB reads.

The model's response holds `INFERENCE_RESPONSE_KEYS` in this order. `JoinSource=Input` appends it to the columns of the
input, and `OUTPUT_FILTER` keeps the member id and the response: `member_id, stage, [labels], [probabilities]`.
"""

import csv
import math
from dataclasses import dataclass

from buyer_stage.domain.member_id import has_unusable_character
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
    """A scored line cannot be used; the message is the reason, without any of the line's values."""


def parse_scored_line(line: str) -> ScoredMember:
    """Read a scored line.

    Args:
        line: CSV of member id, predicted stage, list of labels, and list of probabilities in the same order.

    Raises:
        InvalidScoredLineError: a field is missing, the member id is empty or has a control character, a stage is
            unknown, or a probability is impossible.
    """
    if has_unusable_character(line):
        raise InvalidScoredLineError("a control character or line break")
    try:
        fields = next(csv.reader([line], skipinitialspace=True), [])
    except csv.Error:
        raise InvalidScoredLineError("a field is too long") from None
    if len(fields) != 1 + len(INFERENCE_RESPONSE_KEYS):
        raise InvalidScoredLineError(f"{len(fields)} fields instead of {1 + len(INFERENCE_RESPONSE_KEYS)}")
    member_id, label, labels_text, probabilities_text = (field.strip() for field in fields)
    if not member_id:
        raise InvalidScoredLineError("no member_id")
    labels, values = _parse_list(labels_text), _parse_list(probabilities_text)
    if len(labels) != len(values):
        raise InvalidScoredLineError(f"{len(labels)} labels, but {len(values)} probabilities")
    try:
        stage = parse_stage(label)
        stages = [parse_stage(name) for name in labels]
    except ValueError as error:
        raise InvalidScoredLineError(str(error)) from None
    try:
        probabilities = dict(zip(stages, map(float, values), strict=True))
    except ValueError:
        raise InvalidScoredLineError("a probability is not a number") from None
    if stage not in probabilities or not all(0 <= p <= 1 for p in probabilities.values()):
        raise InvalidScoredLineError("impossible probabilities")
    if not math.isclose(sum(probabilities.values()), 1, abs_tol=PROBABILITY_SUM_TOLERANCE):
        raise InvalidScoredLineError("probabilities do not add up to 1")
    return ScoredMember(member_id, stage, {s: probabilities.get(s, 0.0) for s in Stage})


def member_of_scored_line(line: str) -> str:
    """Return the member id of a scored line, whatever is wrong with the rest of it."""
    try:
        fields = next(csv.reader([line], skipinitialspace=True), [])
    except csv.Error:
        fields = line.split(",")
    return fields[0].strip() if fields else ""


def _parse_list(text: str) -> list[str]:
    """Return the parts of a list of labels or numbers as Python prints it. No label contains a comma."""
    if not (text.startswith("[") and text.endswith("]")):
        raise InvalidScoredLineError("not a list")
    return [part.strip().strip("'\"") for part in text[1:-1].split(",")]
