"""The DynamoDB item that product teams read."""

from datetime import date
from decimal import Decimal

from buyer_stage.domain.transform_output import ScoredMember

PROBABILITY_QUANTUM = Decimal("0.000001")
"""Probabilities have six decimals, so that equal predictions become equal items."""


def serving_item(
    scored: ScoredMember, *, snapshot_date: date, model_version: str, expires_at_epoch_seconds: int
) -> dict[str, object]:
    """Return the item of a scored member, as boto3's DynamoDB resource accepts it.

    Args:
        scored: the member's probabilities and the stage to serve, which is an earlier one while a change waits
            (`stage_changes`).
        snapshot_date: the day that the probabilities describe.
        model_version: the model that predicted them.
        expires_at_epoch_seconds: when DynamoDB can delete the item (its TTL attribute).

    Returns:
        `member_id`, `value` (the stage), `confidence` (its probability), `probabilities` (stage -> probability),
        `snapshot_date` (ISO 8601), `model_version` and `ttl`.
    """
    probabilities = {
        stage.value: Decimal(repr(p)).quantize(PROBABILITY_QUANTUM) for stage, p in scored.probabilities.items()
    }
    return {
        "member_id": scored.member_id,
        "value": scored.stage.value,
        "confidence": probabilities[scored.stage.value],
        "probabilities": probabilities,
        "snapshot_date": snapshot_date.isoformat(),
        "model_version": model_version,
        "ttl": expires_at_epoch_seconds,
    }
