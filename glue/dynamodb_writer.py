"""Writes items to DynamoDB in batches and accounts for every one of them."""

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
"""The most items that one BatchWriteItem request takes."""

MAXIMUM_ATTEMPTS = 10
"""Attempts for one batch; with the delays below, half a minute on average."""

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
"""Codes by which DynamoDB refuses a whole request for now. Any other code would be answered to the next one, too."""


@dataclass(frozen=True)
class WriteCounts:
    """Accounts for the items given to `write_items`: all are either written or failed.

    Attributes:
        written: items that DynamoDB has accepted.
        failed: items that it has not, for want of capacity or because of `error`.
        error: what ended the writing early, or None.
    """

    written: int
    failed: int
    error: str | None


class Pacer:
    """Spreads writes over time, so that they stay below a rate."""

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
            clock: gives the time in seconds.
            sleep: waits for some seconds.
        """
        self._writes_per_second = writes_per_second
        self._clock = clock
        self._sleep = sleep
        self._next_write_at = clock()

    def wait_for(self, writes: int) -> None:
        """Wait until the writes asked for earlier have had their time, and book time for these."""
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
    """Put items into a table; what is there under the same key is replaced.

    Items that DynamoDB leaves unprocessed are tried again after a random, exponentially growing delay, and count as
    failed after `MAXIMUM_ATTEMPTS`. An error that waiting does not mend, such as a refused access, ends the writing:
    the items left are counted as failed without being tried.

    Args:
        dynamodb: the service resource to write with.
        table_name: the table.
        items: the items; no two have the same key.
        writes_per_second: the rate to stay below, retries included.
        sleep: waits for some seconds.
    """
    pacer = Pacer(writes_per_second, sleep=sleep)
    written, failed = 0, 0
    batches = _batches(items)
    for batch in batches:
        try:
            left = _write_batch(dynamodb, table_name, batch, pacer, sleep)
        except (BotoCoreError, ClientError) as error:
            failed += len(batch) + sum(len(untried) for untried in batches)
            return WriteCounts(written, failed, str(error))
        written += len(batch) - left
        failed += left
    return WriteCounts(written, failed, None)


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
    """Write up to `BATCH_SIZE` items and give the number that was not accepted after all attempts."""
    unprocessed: Any = [{"PutRequest": {"Item": item}} for item in batch]
    for attempt in range(MAXIMUM_ATTEMPTS):
        if attempt:
            # Full jitter: the partitions that were throttled together do not come back together.
            longest = min(MAXIMUM_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2**attempt)
            sleep(random.uniform(0, longest))  # noqa: S311  # a delay, not a secret
        pacer.wait_for(len(unprocessed))
        try:
            answer = dynamodb.batch_write_item(RequestItems={table_name: unprocessed})
        except ClientError as error:
            if error.response["Error"]["Code"] not in RETRIED_ERRORS:
                raise
            continue
        unprocessed = answer["UnprocessedItems"].get(table_name, [])
        if not unprocessed:
            break
    return len(unprocessed)
