"""The writer against moto's table, and against answers that only a busy table gives."""

import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError
from moto import mock_aws

from glue.dynamodb_writer import BATCH_SIZE, Change, WriteCounts, Writer
from glue.requests import CLIENT_CONFIG, MAXIMUM_ATTEMPTS, REQUESTS_IN_FLIGHT, Pacer

TABLE = "results"


@pytest.fixture
def dynamodb(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        client = boto3.client("dynamodb", region_name="us-west-2", config=CLIENT_CONFIG)
        client.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "member_id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "member_id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield client


class BusyTable:
    """Responds to BatchWriteItem with what the test says, request by request, and keeps the requests."""

    def __init__(self, *responses: int | str) -> None:
        """Take one value per request: how many items to leave unprocessed, or an error code. Then accept all."""
        self.responses = list(responses)
        self.requests: list[list[str]] = []
        self._lock = threading.Lock()

    def batch_write_item(self, RequestItems: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:  # noqa: N803
        requests = RequestItems[TABLE]
        with self._lock:
            self.requests.append([request["PutRequest"]["Item"]["member_id"]["S"] for request in requests])
            response = self.responses.pop(0) if self.responses else 0
        if response == "timeout":
            raise ConnectTimeoutError(endpoint_url="nowhere")
        if isinstance(response, str):
            raise ClientError({"Error": {"Code": response, "Message": "no"}}, "BatchWriteItem")
        return {"UnprocessedItems": {TABLE: requests[:response]} if response else {}}


def put(number: int, outcome: str = "written") -> Change:
    return Change(outcome, {"PutRequest": {"Item": {"member_id": {"S": f"m{number}"}, "value": {"S": "Dreamer"}}}})


def write(table: Any, count: int) -> WriteCounts:
    return Writer(table, TABLE, Pacer(1e9, sleep=lambda _: None), sleep=lambda _: None).write(map(put, range(count)))


def test_every_item_is_put_or_deleted(dynamodb: Any) -> None:
    assert write(dynamodb, 60) == WriteCounts(done=Counter(written=60))
    deleted = [Change("deleted", {"DeleteRequest": {"Key": {"member_id": {"S": f"m{number}"}}}}) for number in (1, 2)]
    counts = Writer(dynamodb, TABLE, Pacer(1e9)).write([put(0, "corrected"), *deleted])
    assert counts == WriteCounts(done=Counter(corrected=1, deleted=2))
    stored = dynamodb.scan(TableName=TABLE)["Items"]
    assert {item["member_id"]["S"] for item in stored} == {f"m{number}" for number in range(60)} - {"m1", "m2"}


def test_missing_table_is_an_error_and_every_item_failed(dynamodb: Any) -> None:
    dynamodb.delete_table(TableName=TABLE)
    errors = frozenset({"BatchWriteItem: ResourceNotFoundException"})
    assert write(dynamodb, 600) == WriteCounts(failed=Counter(written=600), errors=errors)


def test_no_items_need_no_request() -> None:
    table = BusyTable()
    assert write(table, 0) == WriteCounts()
    assert table.requests == []


def test_requests_hold_as_many_items_as_dynamodb_accepts() -> None:
    table = BusyTable()
    write(table, 60)
    assert sorted(len(request) for request in table.requests) == [10, BATCH_SIZE, BATCH_SIZE]


def test_only_unprocessed_items_are_retried() -> None:
    table = BusyTable(2, 1)
    assert write(table, 3) == WriteCounts(done=Counter(written=3))
    assert table.requests == [["m0", "m1", "m2"], ["m0", "m1"], ["m0"]]


def test_throttled_request_is_retried_as_a_whole() -> None:
    table = BusyTable("ProvisionedThroughputExceededException", "ThrottlingException")
    assert write(table, 2) == WriteCounts(done=Counter(written=2))
    assert table.requests == [["m0", "m1"]] * 3


def test_items_that_are_never_accepted_fail() -> None:
    table = BusyTable(*[3] * MAXIMUM_ATTEMPTS)
    assert write(table, BATCH_SIZE) == WriteCounts(Counter(written=BATCH_SIZE - 3), Counter(written=3))
    assert len(table.requests) == MAXIMUM_ATTEMPTS


@pytest.mark.parametrize("error", ["AccessDeniedException", "timeout"])
def test_error_that_waiting_cannot_fix_ends_the_writing_and_counts_the_rest_as_failed(error: str) -> None:
    table = BusyTable(*[error] * REQUESTS_IN_FLIGHT)
    counts = write(table, 40 * BATCH_SIZE)
    assert counts.failed == Counter(written=40 * BATCH_SIZE)
    assert any(error in text or "ConnectTimeoutError" in text for text in counts.errors)
    assert len(table.requests) <= REQUESTS_IN_FLIGHT


def test_delays_grow_and_stay_bounded() -> None:
    delays: list[float] = []
    Writer(BusyTable(*[1] * 20), TABLE, Pacer(1e9), sleep=delays.append).write([put(0)])  # type: ignore[arg-type]
    assert max(delays) <= 20
    assert sum(delays) > 0


def test_several_requests_are_in_flight() -> None:
    together = threading.Barrier(REQUESTS_IN_FLIGHT, timeout=30)

    class SlowTable(BusyTable):
        def batch_write_item(self, RequestItems: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:  # noqa: N803
            together.wait()
            return super().batch_write_item(RequestItems)

    assert write(SlowTable(), REQUESTS_IN_FLIGHT * BATCH_SIZE).done["written"] == REQUESTS_IN_FLIGHT * BATCH_SIZE
