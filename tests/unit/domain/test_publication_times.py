"""The live snapshot is judged by the run that should have published, and an answer is current until the next run."""

from datetime import UTC, date, datetime, time

import pytest

from buyer_stage.domain.publication_times import PublicationTimes

TIMES = PublicationTimes(starts_at=time(10), published_by=time(14))


def at(day: int, hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime(2026, 12, day, hour, minute, second, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (at(5, 13, 59, 59), date(2026, 12, 2)),
        (at(5, 14), date(2026, 12, 3)),
        (at(6, 0), date(2026, 12, 3)),
    ],
)
def test_a_snapshot_is_expected_once_its_run_should_have_published(now: datetime, expected: date) -> None:
    assert TIMES.expected_snapshot(now) == expected


def test_the_snapshot_of_an_early_run_is_that_of_the_day_in_mountain_time() -> None:
    """At 05:00 UTC, the day before has not ended in Mountain Time."""
    early = PublicationTimes(starts_at=time(5), published_by=time(9))
    assert early.expected_snapshot(at(5, 9)) == date(2026, 12, 2)
    assert PublicationTimes(time(10), time(14), lag_days=0).expected_snapshot(at(5, 14)) == date(2026, 12, 5)


@pytest.mark.parametrize(
    ("as_of", "now", "seconds"),
    [
        (date(2026, 12, 3), at(5, 10, 30), 84600),
        (date(2026, 12, 3), at(6, 9, 59, 59), 1),
        (date(2026, 12, 3), at(6, 10), 60),
        (date(2026, 12, 2), at(5, 10, 30), 60),
        (date(2026, 12, 1), at(5, 9), 60),
    ],
)
def test_an_answer_is_current_until_the_next_run_or_a_minute_while_one_is_due(
    as_of: date, now: datetime, seconds: int
) -> None:
    assert TIMES.current_for_seconds(as_of, now) == seconds
