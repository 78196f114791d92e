"""The demo says when a product team got something other than what the receipts and contracts promise."""

from datetime import date
from typing import Any

import pytest

from buyer_stage.domain.serving_documents import PushKind, PushReceipt, StageChanges
from localcloud.demo import product_team

READY = "Ready To Transact"
EVENT = {
    "event_id": "0" * 64, "member_id": "m1", "from": None, "to": READY, "confidence": 0.5,
    "snapshot_date": "2026-11-29", "model_version": "model-1", "sequence": 1, "schema_version": 1,
}  # fmt: skip
ANSWER = {
    "member_id": "m1", "value": READY, "confidence": 0.5, "since": "2026-11-29", "snapshot_date": "2026-11-29",
    "probabilities": {"Dreamer": 0.1, "Casual Searcher": 0.2, "Active Searcher": 0.2, READY: 0.5},
    "model_version": "model-1", "ttl": 1796601600, "schema_version": 1, "as_of": "2026-11-29", "freshness": "fresh",
}  # fmt: skip


def push(ready_before: int) -> PushReceipt:
    changes = StageChanges(None, ready_before, {READY: {READY: ready_before}}, waiting=0)
    return PushReceipt(date(2026, 11, 29), PushKind.SCORES, 1, expected=1, read=1, changes=changes, stages={READY: 1})


@pytest.mark.parametrize(
    ("events", "answer", "problem"),
    [
        ([EVENT], ANSWER, None),
        ([], ANSWER, "change events received: 0 instead of 1"),
        ([{**EVENT, "to": "Ready"}], ANSWER, "breaks its contract at $.to (anyOf)"),
        ([EVENT], {**ANSWER, "ttl": "soon"}, "breaks its contract at $.ttl (type)"),
        ([EVENT], None, "breaks its contract at $ (required)"),
    ],
)
def test_visit_finds_what_differs(
    monkeypatch: pytest.MonkeyPatch, events: list[dict[str, Any]], answer: dict[str, Any] | None, problem: str | None
) -> None:
    queue = list(events)

    def receive(url: str, sequences: dict[str, int], act: Any, wait: int) -> int:
        taken, queue[:] = queue[:10], queue[10:]
        for event in taken:
            act(event)
        return len(taken)

    monkeypatch.setattr(product_team, "receive", receive)
    monkeypatch.setattr(product_team, "look_up", lambda *_: answer)
    team = product_team.visit("queue", "url/", [push(ready_before=0), push(ready_before=1)])
    assert (team.events, team.expected) == (len(events), 1)
    assert [problem is not None and problem in each for each in team.problems] == ([True] if problem else [])
