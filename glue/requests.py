"""What requests in batches have in common: their rate, how many are on the way, and when they are repeated."""

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

T = TypeVar("T")
Result = TypeVar("Result")

REQUESTS_IN_FLIGHT = 4
"""Requests that a partition has on the way at once, so that it waits for the service's answers side by side."""

CLIENT_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 3},
    max_pool_connections=REQUESTS_IN_FLIGHT,
    parameter_validation=False,
)
"""botocore retries lost connections. What the service throttles or leaves undone is repeated here, at the right rate.
The validation of requests costs more than all the rest, and the types of the domain make only valid ones."""

MAXIMUM_ATTEMPTS = 10
"""Attempts per batch. With the delays below, they take half a minute on average."""

FIRST_DELAY_SECONDS = 0.1
MAXIMUM_DELAY_SECONDS = 20.0


class Pacer:
    """Spreads what all threads send over time to stay below a rate."""

    def __init__(
        self,
        per_second: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Allow the first one at once.

        Args:
            per_second: the rate, above 0.
            clock: returns the time in seconds.
            sleep: waits for a number of seconds.
        """
        self._per_second = per_second
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._next_at = clock()

    def wait_for(self, count: int) -> None:
        """Book time for so many after the time booked for earlier ones, and wait until it begins."""
        with self._lock:
            now = self._clock()
            start = max(self._next_at, now)
            self._next_at = start + count / self._per_second
        self._sleep(start - now)


def batches(content: Iterable[T], size: int) -> Iterator[list[T]]:
    """Return lists of up to `size` elements."""
    remaining = iter(content)
    while batch := list(islice(remaining, size)):
        yield batch


def side_by_side(send: Callable[[T], Result], content: Iterable[T], in_flight: int) -> Iterator[Result]:
    """Call a function for each element in threads, and return the results in order.

    Args:
        send: the function.
        content: read only as fast as the function is called.
        in_flight: how many calls are made at once.
    """
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(in_flight) as threads:
        for each in content:
            if len(waiting) == in_flight:
                yield waiting.popleft().result()
            waiting.append(threads.submit(send, each))
        while waiting:
            yield waiting.popleft().result()


def delay_seconds(attempt: int) -> float:
    """Return how long to wait before an attempt: random, and growing exponentially.

    Batches that were throttled together do not retry together.

    Args:
        attempt: 0 for the first one, which does not wait.
    """
    longest = min(MAXIMUM_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2**attempt) if attempt else 0
    return random.uniform(0, longest)  # noqa: S311  # a delay, not a secret


def is_refusal(error: BotoCoreError | ClientError, codes: Collection[str]) -> bool:
    """Check whether a service has answered with one of these error codes."""
    return isinstance(error, ClientError) and error.response["Error"]["Code"] in codes


def error_name(error: BotoCoreError | ClientError) -> str:
    """Return what went wrong, without the message, which can quote an item or event."""
    if isinstance(error, ClientError):
        return f"{error.operation_name}: {error.response['Error']['Code']}"
    return type(error).__name__
