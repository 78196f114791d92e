"""Writes items to DynamoDB in batches, deletes others, and accounts for every one."""

import random
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BATCH_SIZE = 25
"""The most items that DynamoDB accepts in one BatchWriteItem request."""

REQUESTS_IN_FLIGHT = 4
"""Requests that a partition has on the way at once, so that it waits for DynamoDB's answers side by side."""

CLIENT_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 3},
    max_pool_connections=REQUESTS_IN_FLIGHT,
    parameter_validation=False,
)
"""botocore retries lost connections. `Writer` retries throttled and unprocessed items, because it paces them. The
validation of requests costs more than all the rest, and `serving_item` makes only valid ones."""

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
class Change:
    """One item to put, or to delete.

    Attributes:
        outcome: what it counts as.
        request: the item's part of a BatchWriteItem request.
    """

    outcome: str
    request: Mapping[str, Any]


@dataclass(frozen=True)
class WriteCounts:
    """Counts of changes by outcome: each change is either done or failed.

    Attributes:
        done: outcome -> changes that DynamoDB accepted.
        failed: outcome -> changes that it did not accept, for lack of capacity or because of an error.
        errors: what ended the writing early.
    """

    done: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    errors: frozenset[str] = frozenset()

    def __add__(self, other: "WriteCounts") -> "WriteCounts":
        return WriteCounts(self.done + other.done, self.failed + other.failed, self.errors | other.errors)


class Pacer:
    """Spreads the writes of all threads over time to stay below a rate."""

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
        self._lock = threading.Lock()
        self._next_write_at = clock()

    def wait_for(self, writes: int) -> None:
        """Book time for these writes after the time booked for earlier ones, and wait until it begins."""
        with self._lock:
            now = self._clock()
            start = max(self._next_write_at, now)
            self._next_write_at = start + writes / self._writes_per_second
        self._sleep(start - now)


class Writer:
    """Writes batches to a table, several at once."""

    def __init__(
        self,
        dynamodb: "DynamoDBClient",
        table_name: str,
        pacer: Pacer,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Use a client with `CLIENT_CONFIG`.

        Args:
            dynamodb: the client.
            table_name: the table.
            pacer: limits the rate, retries included.
            sleep: waits for a number of seconds.
        """
        self._dynamodb = dynamodb
        self._table_name = table_name
        self._pacer = pacer
        self._sleep = sleep
        self._has_failed = threading.Event()

    def write(self, changes: Iterable[Change]) -> WriteCounts:
        """Write all changes. No two have the same key.

        Items that DynamoDB leaves unprocessed are retried after a random delay that grows exponentially. After
        `MAXIMUM_ATTEMPTS`, they count as failed. An error that waiting cannot fix, such as denied access, ends the
        writing: the remaining items count as failed without an attempt.
        """
        counts = WriteCounts()
        in_flight: deque[Future[WriteCounts]] = deque()
        with ThreadPoolExecutor(REQUESTS_IN_FLIGHT) as threads:
            for batch in _batches(changes):
                if len(in_flight) == REQUESTS_IN_FLIGHT:
                    counts += in_flight.popleft().result()
                in_flight.append(threads.submit(self._write_batch, batch))
            return sum((batch.result() for batch in in_flight), start=counts)

    def _write_batch(self, batch: Sequence[Change]) -> WriteCounts:
        """Write up to `BATCH_SIZE` changes."""
        outcomes = Counter(change.outcome for change in batch)
        if self._has_failed.is_set():
            return WriteCounts(failed=outcomes)
        unprocessed: Any = [change.request for change in batch]
        for attempt in range(MAXIMUM_ATTEMPTS):
            if attempt:
                # Full jitter: batches that were throttled together do not retry together.
                longest = min(MAXIMUM_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2**attempt)
                self._sleep(random.uniform(0, longest))  # noqa: S311  # a delay, not a secret
            self._pacer.wait_for(len(unprocessed))
            try:
                response = self._dynamodb.batch_write_item(RequestItems={self._table_name: unprocessed})
            except ClientError as error:
                if error.response["Error"]["Code"] in RETRIED_ERRORS:
                    continue
                self._has_failed.set()
                return WriteCounts(failed=outcomes, errors=frozenset({_name(error)}))
            except BotoCoreError as error:
                self._has_failed.set()
                return WriteCounts(failed=outcomes, errors=frozenset({_name(error)}))
            unprocessed = response["UnprocessedItems"].get(self._table_name, [])
            if not unprocessed:
                return WriteCounts(done=outcomes)
        outcome_of = {_key(change.request): change.outcome for change in batch}
        failed = Counter(outcome_of[_key(request)] for request in unprocessed)
        return WriteCounts(done=outcomes - failed, failed=failed)


def _key(request: Mapping[str, Any]) -> str:
    """Return the member id of a request."""
    content = request["PutRequest"]["Item"] if "PutRequest" in request else request["DeleteRequest"]["Key"]
    return str(content["member_id"]["S"])


def _name(error: BotoCoreError | ClientError) -> str:
    """Return what went wrong, without the message, which can quote an item."""
    if isinstance(error, ClientError):
        return f"{error.operation_name}: {error.response['Error']['Code']}"
    return type(error).__name__


def _batches(changes: Iterable[Change]) -> Iterator[list[Change]]:
    remaining = iter(changes)
    while batch := list(islice(remaining, BATCH_SIZE)):
        yield batch
