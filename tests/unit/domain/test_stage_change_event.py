import json
from datetime import date

import pytest

from buyer_stage.domain.stage_change_event import (
    EVENT_TYPES,
    ScoresHeld,
    event_id,
    member_stage_changed,
    to_detail,
)
from buyer_stage.domain.stages import Stage

KEY = ("m1", "Dreamer", "Active Searcher", 7)


def test_id_depends_on_everything_that_makes_the_event_and_on_nothing_else() -> None:
    others = [("m2", *KEY[1:]), ("m1", None, *KEY[2:]), (*KEY[:2], None, 7), (*KEY[:3], 8), ("m1", "Dreamer")]
    assert len({event_id(*key) for key in (KEY, *others)}) == 6
    assert event_id(*KEY) == event_id(*KEY)
    assert event_id("a", "b") != event_id("ab") != event_id("a,b")


def test_id_never_changes_and_shows_no_member() -> None:
    assert event_id(*KEY) == "dc3084ff2a031f78f1edf63cb8fecc21386166f2b3e09bedd83c2729c844efb9"
    assert "m1" not in event_id("m1-is-long-enough", None, "Dreamer", 1)


@pytest.mark.parametrize(
    ("from_", "to", "confidence"),
    [("Dreamer", "Active Searcher", 0.4), (None, "Dreamer", 0.5), ("Dreamer", None, None)],
)
def test_detail_has_the_names_of_the_contract(from_: str | None, to: str | None, confidence: float | None) -> None:
    event = member_stage_changed(
        "m1", from_, to, confidence, snapshot_date=date(2020, 1, 30), model_version="model-1", sequence=7
    )
    assert json.loads(to_detail(event)) == {
        "event_id": event_id("m1", from_, to, 7),
        "member_id": "m1",
        "from": from_,
        "to": to,
        "confidence": confidence,
        "snapshot_date": "2020-01-30",
        "model_version": "model-1",
        "sequence": 7,
        "schema_version": 1,
    }


def test_unknown_stage_is_an_error() -> None:
    with pytest.raises(ValueError, match="Buyer"):
        member_stage_changed("m1", None, "Buyer", 1, snapshot_date=date(2020, 1, 30), model_version="m", sequence=1)


def test_event_about_a_run_names_no_member() -> None:
    stages = dict.fromkeys(Stage, 1)
    event = ScoresHeld("id", date(2020, 1, 30), "model-1", 7, stages, 0, "push", "daily")
    assert json.loads(to_detail(event))["members"] == {stage.value: 1 for stage in Stage}
    assert [each.detail_type for each in EVENT_TYPES] == [
        "Member Stage Changed", "Scores Published", "Scores Held", "Scores Rolled Back",
    ]  # fmt: skip
