from collections.abc import Iterator

import pytest

from glue.requests import Pacer, batches, delay_seconds, side_by_side

BATCH_SIZE = 25


class Clock:
    """A time that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def pacer(self, rate: float) -> Pacer:
        return Pacer(rate, clock=lambda: self.now, sleep=self.sleep)


def test_pacer_keeps_the_rate_within_five_percent_over_a_run() -> None:
    clock = Clock()
    pacer = clock.pacer(1000)
    for _ in range(400):
        pacer.wait_for(BATCH_SIZE)
    seconds = clock.now - 100
    assert 400 * BATCH_SIZE / seconds == pytest.approx(1000, rel=0.05)


def test_pacer_does_not_save_up_unused_time() -> None:
    clock = Clock()
    pacer = clock.pacer(10)
    clock.now = 1000.0
    pacer.wait_for(25)
    pacer.wait_for(25)
    assert clock.now == pytest.approx(1002.5)


def test_batches_have_everything_in_order() -> None:
    assert list(batches(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(batches([], 2)) == []


def test_results_come_in_order_and_content_is_read_as_needed() -> None:
    read: list[int] = []

    def content() -> Iterator[int]:
        for number in range(10):
            read.append(number)
            yield number

    results = side_by_side(lambda number: -number, content(), 3)
    assert next(results) == 0
    assert len(read) <= 4
    assert list(results) == [-number for number in range(1, 10)]


def test_first_attempt_does_not_wait_and_later_ones_not_forever() -> None:
    assert delay_seconds(0) == 0
    assert 0 <= delay_seconds(50) <= 20
