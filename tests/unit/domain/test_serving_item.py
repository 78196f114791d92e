"""The table's item holds what product teams need to use a stage."""

from datetime import date
from decimal import Decimal

import pytest
from boto3.dynamodb.types import TypeDeserializer

from buyer_stage.domain.serving_item import round_probability, serving_item, to_attributes

PROBABILITIES = [Decimal("0.400000"), Decimal("0.300000"), Decimal("0.200000"), Decimal("0.100000")]


def test_item_holds_stage_probabilities_and_their_origin() -> None:
    item = serving_item(
        "m1", "Casual Searcher", PROBABILITIES,
        since=date(2020, 1, 1), snapshot_date=date(2020, 1, 3), model_version="job-1", ttl=1_580_000_000,
    )  # fmt: skip
    read = {name: TypeDeserializer().deserialize(value) for name, value in to_attributes(item).items()}
    assert read == {
        "member_id": "m1",
        "value": "Casual Searcher",
        "confidence": Decimal("0.3"),
        "probabilities": {
            "Dreamer": Decimal("0.4"),
            "Casual Searcher": Decimal("0.3"),
            "Active Searcher": Decimal("0.2"),
            "Ready To Transact": Decimal("0.1"),
        },
        "since": "2020-01-01",
        "snapshot_date": "2020-01-03",
        "model_version": "job-1",
        "ttl": 1_580_000_000,
        "schema_version": 1,
    }


@pytest.mark.parametrize(
    ("text", "rounded"),
    [
        ("0.1999996", "0.200000"),
        ("0.1234565", "0.123457"),
        ("1", "1.000000"),
        ("4e-07", "0.000000"),
        ("5e-7", "0.000001"),
    ],
)
def test_probabilities_have_six_decimals(text: str, rounded: str) -> None:
    assert f"{round_probability(text):f}" == rounded
