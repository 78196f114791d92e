"""The batch writer against moto's table, and against responses that only a busy table gives."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from glue.dynamodb_writer import BATCH_SIZE, MAXIMUM_ATTEMPTS, Pacer, WriteCounts, write_items

TABLE = "results"


@pytest.fixture
def dynamodb(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        resource = boto3.resource("dynamodb", region_name="us-west-2")
        resource.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "member_id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "member_id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield resource


class BusyTable:
    """Responds to BatchWriteItem with what the test says, request by request, and keeps the requests."""

    def __init__(self, *responses: int | str) -> None:
        """Take one value per request: how many items to leave unprocessed, or an error code. Then accept all."""
        self.responses = list(responses)
        self.requests: list[list[str]] = []

    def batch_write_item(self, RequestItems: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:  # noqa: N803
        puts = RequestItems[TABLE]
        self.requests.append([put["PutRequest"]["Item"]["member_id"] for put in puts])
        response = self.responses.pop(0) if self.responses else 0
        if isinstance(response, str):
            raise ClientError({"Error": {"Code": response, "Message": "no"}}, "BatchWriteItem")
        return {"UnprocessedItems": {TABLE: puts[:response]} if response else {}}


def items(count: int) -> list[dict[str, Any]]:
    return [{"member_id": f"m{number}", "value": "Dreamer"} for number in range(count)]


def write(table: Any, count: int) -> WriteCounts:
    return write_items(table, TABLE, items(count), writes_per_second=1e9, sleep=lambda _: None)


def test_every_item_is_in_the_table(dynamodb: Any) -> None:
    assert write(dynamodb, 60) == WriteCounts(written=60, failed=0, error=None)
    stored = dynamodb.Table(TABLE).scan()["Items"]
    assert sorted(item["member_id"] for item in stored) == sorted(item["member_id"] for item in items(60))


def test_missing_table_is_an_error_and_every_item_failed(dynamodb: Any) -> None:
    dynamodb.Table(TABLE).delete()
    counts = write(dynamodb, 60)
    assert (counts.written, counts.failed) == (0, 60)
    assert counts.error == "BatchWriteItem: ResourceNotFoundException"


def test_no_items_need_no_request() -> None:
    table = BusyTable()
    assert write(table, 0) == WriteCounts(0, 0, None)
    assert table.requests == []


def test_requests_hold_as_many_items_as_dynamodb_accepts() -> None:
    table = BusyTable()
    write(table, 60)
    assert [len(request) for request in table.requests] == [BATCH_SIZE, BATCH_SIZE, 10]


def test_only_unprocessed_items_are_retried() -> None:
    table = BusyTable(2, 1)
    assert write(table, 3) == WriteCounts(written=3, failed=0, error=None)
    assert table.requests == [["m0", "m1", "m2"], ["m0", "m1"], ["m0"]]


def test_throttled_request_is_retried_as_a_whole() -> None:
    table = BusyTable("ProvisionedThroughputExceededException", "ThrottlingException")
    assert write(table, 2) == WriteCounts(written=2, failed=0, error=None)
    assert table.requests == [["m0", "m1"]] * 3


def test_items_that_are_never_accepted_fail_and_the_next_batch_is_written() -> None:
    table = BusyTable(*[3] * MAXIMUM_ATTEMPTS)
    assert write(table, BATCH_SIZE + 5) == WriteCounts(written=BATCH_SIZE + 5 - 3, failed=3, error=None)
    assert len(table.requests) == MAXIMUM_ATTEMPTS + 1


def test_denied_access_ends_the_writing_and_counts_the_remaining_items_as_failed() -> None:
    table = BusyTable(0, "AccessDeniedException")
    counts = write(table, 4 * BATCH_SIZE)
    assert (counts.written, counts.failed) == (BATCH_SIZE, 3 * BATCH_SIZE)
    assert counts.error is not None
    assert "AccessDeniedException" in counts.error
    assert len(table.requests) == 2


def test_delays_grow_and_stay_bounded() -> None:
    delays: list[float] = []
    write_items(BusyTable(*[1] * 20), TABLE, items(1), writes_per_second=1e9, sleep=delays.append)  # type: ignore[arg-type]
    assert max(delays) <= 20
    assert sum(delays) > 0


def test_pacer_stays_below_the_rate() -> None:
    now = 100.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    pacer = Pacer(10, clock=lambda: now, sleep=sleep)
    for _ in range(5):
        pacer.wait_for(25)
    assert now == pytest.approx(100 + 4 * 2.5)


def test_pacer_does_not_save_up_unused_time() -> None:
    now = 0.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    pacer = Pacer(10, clock=lambda: now, sleep=sleep)
    now = 1000.0
    pacer.wait_for(25)
    pacer.wait_for(25)
    assert now == pytest.approx(1002.5)
