"""The sender against answers that only a busy or refusing bus gives. `tests/spark` sends real sets."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from glue.change_events import BATCH_SIZE, EventBus, EventCounts, Sender, entry
from glue.requests import MAXIMUM_ATTEMPTS, Pacer

BUS = EventBus("bus", "us-west-2", 1000)


class FakeBus:
    """Answers each request with error codes for its first events, or with an error."""

    def __init__(self, *answers: Sequence[str] | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[list[str]] = []

    def put_events(self, Entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:  # noqa: N803
        self.requests.append([json.loads(each["Detail"])["number"] for each in Entries])
        answer = self.answers.pop(0) if self.answers else ()
        if isinstance(answer, Exception):
            raise answer
        refused = [{"ErrorCode": code, "ErrorMessage": "about m1"} for code in answer]
        return {
            "FailedEntryCount": len(refused),
            "Entries": [*refused, *[{"EventId": "1"}] * (len(Entries) - len(refused))],
        }


def send(bus: FakeBus, count: int) -> EventCounts:
    entries = [entry("Type", json.dumps({"number": number}), BUS) for number in range(count)]
    return Sender(bus, Pacer(1e9, sleep=lambda _: None), sleep=lambda _: None).send(entries)


def denied(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "about m1"}}, "PutEvents")


def test_events_are_sent_in_batches() -> None:
    bus = FakeBus()
    assert send(bus, 2 * BATCH_SIZE + 1) == EventCounts(sent=2 * BATCH_SIZE + 1)
    assert sorted(map(len, bus.requests)) == [1, BATCH_SIZE, BATCH_SIZE]
    assert send(FakeBus(), 0) == EventCounts()


def test_only_refused_events_are_repeated() -> None:
    bus = FakeBus(["ThrottlingException", "InternalFailure"], ["ThrottlingException"])
    assert send(bus, 3) == EventCounts(sent=3)
    assert bus.requests == [[0, 1, 2], [0, 1], [0]]


def test_throttled_request_is_repeated() -> None:
    bus = FakeBus(denied("ThrottlingException"))
    assert send(bus, 2) == EventCounts(sent=2)
    assert bus.requests == [[0, 1], [0, 1]]


def test_events_that_stay_throttled_have_failed() -> None:
    bus = FakeBus(*[["ThrottlingException"]] * MAXIMUM_ATTEMPTS)
    assert send(bus, 3) == EventCounts(2, 1, frozenset({"PutEvents: ThrottlingException"}))
    assert len(bus.requests) == MAXIMUM_ATTEMPTS


@pytest.mark.parametrize(
    ("answer", "sent", "error"),
    [
        (denied("AccessDeniedException"), 0, "PutEvents: AccessDeniedException"),
        (ConnectTimeoutError(endpoint_url="https://events"), 0, "ConnectTimeoutError"),
        (["NotAuthorizedForSourceException"], 9, "PutEvents: NotAuthorizedForSourceException"),
    ],
)
def test_error_that_waiting_cannot_fix_ends_the_sending_and_quotes_no_event(
    monkeypatch: pytest.MonkeyPatch, answer: Sequence[str] | Exception, sent: int, error: str
) -> None:
    monkeypatch.setattr("glue.change_events.REQUESTS_IN_FLIGHT", 1)
    bus = FakeBus(answer)
    assert send(bus, 25) == EventCounts(sent, 25 - sent, frozenset({error}))
    assert len(bus.requests) == 1
