"""The DynamoDB item that product teams read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from buyer_stage.domain.stages import Stage

ITEM_SCHEMA_VERSION = 1
"""Changes when a reader of the item has to change."""

PROBABILITY_DECIMALS = 6
"""Probabilities have six decimals, so that equal predictions become equal items."""


@dataclass(frozen=True)
class ServingItem:
    """What the table holds about a member.

    Attributes:
        member_id: the member.
        value: the stage.
        confidence: probability of that stage, 0 to 1.
        probabilities: stage -> probability.
        since: the first snapshot in a row that was served with this stage.
        snapshot_date: the day for which the item was last written.
        model_version: the model that predicted the probabilities.
        ttl: when the item expires, in seconds since 1970. DynamoDB deletes it up to some days later.
        schema_version: `ITEM_SCHEMA_VERSION` of the writer.
    """

    member_id: str
    value: Stage
    confidence: Decimal
    probabilities: dict[Stage, Decimal]
    since: date
    snapshot_date: date
    model_version: str
    ttl: int
    schema_version: int = ITEM_SCHEMA_VERSION


def serving_item(
    member_id: str,
    stage: str,
    probabilities: Sequence[Decimal],
    *,
    since: date,
    snapshot_date: date,
    model_version: str,
    ttl: int,
) -> ServingItem:
    """Return the item of a member.

    Args:
        member_id: the member.
        stage: the stage to serve.
        probabilities: one per stage, in the order of `Stage`.
        since: as in `ServingItem`, like the other arguments.
        snapshot_date: the day.
        model_version: the model.
        ttl: when the item expires.
    """
    by_stage = dict(zip(Stage, probabilities, strict=True))
    value = Stage(stage)
    return ServingItem(member_id, value, by_stage[value], by_stage, since, snapshot_date, model_version, ttl)


def round_probability(text: str) -> Decimal:
    """Return a probability as the item shows it.

    Args:
        text: a number from 0 to 1, as Python prints it.
    """
    return Decimal(text).quantize(Decimal(1).scaleb(-PROBABILITY_DECIMALS), ROUND_HALF_UP)


def to_attributes(item: ServingItem) -> dict[str, Any]:
    """Return an item as the requests of DynamoDB spell it: `{"member_id": {"S": "..."}, ...}`."""
    return {
        "member_id": {"S": item.member_id},
        "value": {"S": item.value.value},
        "confidence": {"N": f"{item.confidence:f}"},
        "probabilities": {"M": {stage.value: {"N": f"{p:f}"} for stage, p in item.probabilities.items()}},
        "since": {"S": item.since.isoformat()},
        "snapshot_date": {"S": item.snapshot_date.isoformat()},
        "model_version": {"S": item.model_version},
        "ttl": {"N": str(item.ttl)},
        "schema_version": {"N": str(item.schema_version)},
    }
