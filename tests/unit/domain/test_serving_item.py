"""The table's item holds what product teams need to use a stage."""

from datetime import date
from decimal import Decimal

from buyer_stage.domain.serving_item import serving_item
from buyer_stage.domain.stages import Stage
from buyer_stage.domain.transform_output import ScoredMember


def test_item_holds_stage_probabilities_and_their_origin() -> None:
    scored = ScoredMember(
        "m1",
        Stage.DREAMER,
        {
            Stage.DREAMER: 0.4,
            Stage.CASUAL_SEARCHER: 0.3,
            Stage.ACTIVE_SEARCHER: 0.1999996,
            Stage.READY_TO_TRANSACT: 0.1000004,
        },
    )
    item = serving_item(
        scored, snapshot_date=date(2020, 1, 3), model_version="job-1", expires_at_epoch_seconds=1_580_000_000
    )
    assert item == {
        "member_id": "m1",
        "value": "Dreamer",
        "confidence": Decimal("0.400000"),
        "probabilities": {
            "Dreamer": Decimal("0.400000"),
            "Casual Searcher": Decimal("0.300000"),
            "Active Searcher": Decimal("0.200000"),
            "Ready To Transact": Decimal("0.100000"),
        },
        "snapshot_date": "2020-01-03",
        "model_version": "job-1",
        "ttl": 1_580_000_000,
    }
