"""Writes items to DynamoDB in batches, and accounts for every item."""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBServiceResource

Item = Mapping[str, Any]

BATCH_SIZE = 25
"""The most items that DynamoDB accepts in one BatchWriteItem request."""

MAXIMUM_ATTEMPTS = 10
"""Attempts per batch. With the delays below, they take half a minute on average."""

FIRST_DELAY_SECONDS = 0.1
MAXIMUM_DELAY_SECONDS = 20.0

RETRIED_ERRORS = frozenset(
    {
        "InternalServerError",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingException",
    }
)
"""Error codes that are worth another attempt. With any other code, the next request would fail too."""


@dataclass(frozen=True)
class WriteCounts:
    """Counts of the items passed to `write_items`: each is either written or failed.

    Attributes:
        written: items that DynamoDB accepted.
        failed: items that it did not accept, for lack of capacity or because of `error`.
        error: what ended the writing early, or None.
    """

    written: int
    failed: int
    error: str | None


class Pacer:
    """Spreads writes over time to stay below a rate."""

    def __init__(
        self,
        writes_per_second: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Allow the first write at once.

        Args:
            writes_per_second: the rate, above 0.
            clock: returns the time in seconds.
            sleep: waits for a number of seconds.
        """
        self._writes_per_second = writes_per_second
        self._clock = clock
        self._sleep = sleep
        self._next_write_at = clock()

    def wait_for(self, writes: int) -> None:
        """Wait until the time booked for earlier writes has passed, and book time for these."""
        self._sleep(max(0.0, self._next_write_at - self._clock()))
        self._next_write_at = max(self._next_write_at, self._clock()) + writes / self._writes_per_second


def write_items(
    dynamodb: "DynamoDBServiceResource",
    table_name: str,
    items: Iterable[Item],
    *,
    writes_per_second: float,
    sleep: Callable[[float], None] = time.sleep,
) -> WriteCounts:
    """Write items to a table, and replace existing items with the same keys.

    Items that DynamoDB leaves unprocessed are retried after a random delay that grows exponentially. After
    `MAXIMUM_ATTEMPTS`, they count as failed. An error that waiting cannot fix, such as denied access, ends the
    writing: the remaining items count as failed without an attempt.

    Args:
        dynamodb: the service resource.
        table_name: the table.
        items: the items. No two have the same key.
        writes_per_second: the rate to stay below, above 0, retries included.
        sleep: waits for a number of seconds.
    """
    pacer = Pacer(writes_per_second, sleep=sleep)
    written, failed = 0, 0
    batches = _batches(items)
    for batch in batches:
        try:
            left = _write_batch(dynamodb, table_name, batch, pacer, sleep)
        except (BotoCoreError, ClientError) as error:
            failed += len(batch) + sum(len(untried) for untried in batches)
            return WriteCounts(written, failed, _name(error))
        written += len(batch) - left
        failed += left
    return WriteCounts(written, failed, None)


def _name(error: BotoCoreError | ClientError) -> str:
    """Return what went wrong, without the message, which can quote an item."""
    if isinstance(error, ClientError):
        return f"{error.operation_name}: {error.response['Error']['Code']}"
    return type(error).__name__


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    remaining = iter(items)
    while batch := list(islice(remaining, BATCH_SIZE)):
        yield batch


def _write_batch(
    dynamodb: "DynamoDBServiceResource",
    table_name: str,
    batch: Sequence[Item],
    pacer: Pacer,
    sleep: Callable[[float], None],
) -> int:
    """Write up to `BATCH_SIZE` items, and return how many DynamoDB did not accept after all attempts."""
    unprocessed: Any = [{"PutRequest": {"Item": item}} for item in batch]
    for attempt in range(MAXIMUM_ATTEMPTS):
        if attempt:
            # Full jitter: partitions that were throttled together do not retry together.
            longest = min(MAXIMUM_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2**attempt)
            sleep(random.uniform(0, longest))  # noqa: S311  # a delay, not a secret
        pacer.wait_for(len(unprocessed))
        try:
            response = dynamodb.batch_write_item(RequestItems={table_name: unprocessed})
        except ClientError as error:
            if error.response["Error"]["Code"] not in RETRIED_ERRORS:
                raise
            continue
        unprocessed = response["UnprocessedItems"].get(table_name, [])
        if not unprocessed:
            break
    return len(unprocessed)
