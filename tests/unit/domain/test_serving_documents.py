"""Documents about the table survive writing and reading, and receipts name what is lost."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from pydantic import TypeAdapter

from buyer_stage.domain.audit import RuleResult
from buyer_stage.domain.documents import to_json
from buyer_stage.domain.serving_documents import (
    PendingPush,
    Publication,
    PushKind,
    PushReceipt,
    ServedState,
    StageChanges,
)

DAY = date(2020, 1, 3)
STATE = ServedState("served-items/2020/01/03/000002-1/", DAY, "model", 3, 2, {"Dreamer": 2}, 1, 2, None)


@pytest.mark.parametrize(
    "document",
    [
        PushReceipt(
            DAY,
            PushKind.ROLLBACK,
            sequence=2,
            expected=3,
            read=3,
            changes=StageChanges(None, 0, {"Dreamer": {"Dreamer": 0}}, 0),
            reasons={"new": 1},
            audit=(RuleResult("flip rate", None, None, 0.45), RuleResult("members", 0.1, -0.1, 0.25)),
            errors=("denied",),
        ),
        Publication(2, PushKind.TTL_EXTENSION, datetime(2020, 1, 4, tzinfo=UTC), "run", "execution", STATE),
        STATE,
        PendingPush((STATE.folder,)),
    ],
    ids=lambda document: type(document).__name__,
)
def test_document_survives_writing_and_reading(document: Any) -> None:
    assert TypeAdapter(type(document)).validate_json(to_json(document)) == document


@pytest.mark.parametrize(
    ("transitions", "flip_rate"),
    [
        (
            {"Dreamer": {"Dreamer": 3, "Casual Searcher": 1}, "Casual Searcher": {"Dreamer": 2, "Casual Searcher": 4}},
            0.3,
        ),
        ({"Dreamer": {"Dreamer": 5}}, 0),
        ({"Dreamer": {"Dreamer": 0}}, None),
    ],
    ids=["some", "none", "no members on both snapshots"],
)
def test_flip_rate_is_the_share_of_members_whose_stage_changed(
    transitions: dict[str, dict[str, int]], flip_rate: float | None
) -> None:
    assert StageChanges(DAY, 10, transitions, 0).flip_rate() == flip_rate


def receipt(expected: int, read: int, written: int, quarantined: int, failed: int) -> PushReceipt:
    return PushReceipt(
        DAY, PushKind.SCORES, None, expected, read, StageChanges(None, 0, {}, 0),
        written=written, unchanged=1, quarantined=quarantined, failed=failed, errors=("denied",),
    )  # fmt: skip


def test_receipt_that_accounts_for_every_line_has_no_loss() -> None:
    assert receipt(expected=6, read=6, written=4, quarantined=1, failed=0).find_loss() is None


def test_held_day_has_no_loss_although_nothing_was_written() -> None:
    assert replace(receipt(expected=6, read=6, written=0, quarantined=1, failed=0), held=True).find_loss() is None


@pytest.mark.parametrize(
    ("counts", "loss"),
    [
        (
            (6, 6, 3, 1, 1),
            "did not accept all items: 6 read of 6 expected, 3 written, 1 unchanged, 1 quarantined, 1 failed, 0 "
            "suppressed; denied",
        ),
        ((6, 6, 3, 1, 0), "do not add up: 6 read of 6 expected, 3 written"),
        ((6, 6, 5, 1, 0), "do not add up"),
        ((7, 6, 4, 1, 0), "one line per member: 6 read of 7 expected"),
        ((5, 6, 4, 1, 0), "one line per member: 6 read of 5 expected"),
    ],
)
def test_lost_lines_are_named_with_all_counts(counts: tuple[int, int, int, int, int], loss: str) -> None:
    assert loss in str(receipt(*counts).find_loss())


def test_events_that_were_not_sent_are_a_loss_also_of_a_held_day() -> None:
    complete = receipt(expected=6, read=6, written=4, quarantined=1, failed=0)
    for each in (complete, replace(complete, held=True, written=0)):
        assert "EventBridge did not accept 2 of the change events" in str(replace(each, events_failed=2).find_loss())


def test_items_of_carried_members_are_not_lost_either() -> None:
    lost = replace(receipt(expected=6, read=6, written=4, quarantined=1, failed=0), not_corrected=2)
    assert "2 failed" in str(lost.find_loss())
