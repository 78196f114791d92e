"""Writes items to DynamoDB in batches, deletes others, and accounts for every one."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from glue.requests import (
    MAXIMUM_ATTEMPTS,
    REQUESTS_IN_FLIGHT,
    Pacer,
    batches,
    delay_seconds,
    error_name,
    is_refusal,
    side_by_side,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BATCH_SIZE = 25
"""The most items that DynamoDB accepts in one BatchWriteItem request."""

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
        written = side_by_side(self._write_batch, batches(changes, BATCH_SIZE), REQUESTS_IN_FLIGHT)
        return sum(written, start=WriteCounts())

    def _write_batch(self, batch: Sequence[Change]) -> WriteCounts:
        """Write up to `BATCH_SIZE` changes."""
        outcomes = Counter(change.outcome for change in batch)
        if self._has_failed.is_set():
            return WriteCounts(failed=outcomes)
        unprocessed: Any = [change.request for change in batch]
        for attempt in range(MAXIMUM_ATTEMPTS):
            self._sleep(delay_seconds(attempt))
            self._pacer.wait_for(len(unprocessed))
            try:
                response = self._dynamodb.batch_write_item(RequestItems={self._table_name: unprocessed})
            except (BotoCoreError, ClientError) as error:
                if is_refusal(error, RETRIED_ERRORS):
                    continue
                self._has_failed.set()
                return WriteCounts(failed=outcomes, errors=frozenset({error_name(error)}))
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
