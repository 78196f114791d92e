"""The snapshot that should be live is the one that the last daily run in time has resolved."""

from datetime import UTC, date, datetime, time, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from buyer_stage.domain.errors import InvalidInputError
from buyer_stage.domain.freshness import current_for_seconds, due_snapshot_date, parse_daily_schedule, snapshots_behind
from buyer_stage.domain.snapshot_date import resolve_snapshot_date

AT_10 = time(10, tzinfo=UTC)
JUST_AFTER_MIDNIGHT_IN_SUMMER = time(6, 30, tzinfo=UTC)
"""23:30 of the day before in Mountain Time in winter, 0:30 of the same day in summer."""
SIX_HOURS = timedelta(hours=6)

times = st.datetimes(datetime(2019, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))
starts = st.times(timezones=st.just(UTC)).map(lambda start: start.replace(second=0, microsecond=0))
graces = st.integers(0, 47).map(lambda hours: timedelta(hours=hours))
lags = st.integers(0, 5)


@pytest.mark.parametrize(
    ("now", "start", "due"),
    [
        ("2020-02-01T15:59:59+00:00", AT_10, date(2020, 1, 29)),  # the run of today has a second left
        ("2020-02-01T16:00:00+00:00", AT_10, date(2020, 1, 30)),
        ("2020-02-01T23:59:59+00:00", AT_10, date(2020, 1, 30)),
        ("2020-02-02T15:59:59+00:00", AT_10, date(2020, 1, 30)),
        ("2020-02-02T01:00:00+09:00", AT_10, date(2020, 1, 30)),  # 16:00 UTC in another time zone
        # Clocks go forward on March 8: no run resolves March 6, the run of March 9 resolves March 7.
        ("2020-03-08T13:00:00+00:00", JUST_AFTER_MIDNIGHT_IN_SUMMER, date(2020, 3, 5)),
        ("2020-03-09T13:00:00+00:00", JUST_AFTER_MIDNIGHT_IN_SUMMER, date(2020, 3, 7)),
        # Clocks go back on November 1: two runs resolve October 30.
        ("2020-11-01T13:00:00+00:00", JUST_AFTER_MIDNIGHT_IN_SUMMER, date(2020, 10, 30)),
        ("2020-11-02T13:00:00+00:00", JUST_AFTER_MIDNIGHT_IN_SUMMER, date(2020, 10, 30)),
        ("2020-11-03T13:00:00+00:00", JUST_AFTER_MIDNIGHT_IN_SUMMER, date(2020, 10, 31)),
    ],
)
def test_snapshot_is_due_when_the_grace_period_of_its_run_has_passed(now: str, start: time, due: date) -> None:
    assert due_snapshot_date(datetime.fromisoformat(now), start, SIX_HOURS, 2) == due


@given(times, starts, graces, lags)
@example(datetime(2020, 3, 8, 14, tzinfo=UTC), JUST_AFTER_MIDNIGHT_IN_SUMMER, SIX_HOURS, 2)
@example(datetime(2020, 11, 1, 14, tzinfo=UTC), JUST_AFTER_MIDNIGHT_IN_SUMMER, SIX_HOURS, 2)
def test_due_snapshot_is_the_latest_that_a_run_in_time_has_resolved(
    now: datetime, start: time, grace: timedelta, lag_days: int
) -> None:
    runs = [datetime.combine(now.date() - timedelta(days=ago), start) for ago in range(5)]
    in_time = [resolve_snapshot_date(run, lag_days) for run in runs if run + grace <= now]
    assert due_snapshot_date(now, start, grace, lag_days) == max(in_time)


@given(times, starts, graces, lags)
def test_table_that_every_run_updates_within_the_grace_period_is_never_behind(
    now: datetime, start: time, grace: timedelta, lag_days: int
) -> None:
    """Whichever run was the last one to publish, if its grace period had not ended yet or it was the due one."""
    due = due_snapshot_date(now, start, grace, lag_days)
    runs = [datetime.combine(now.date() + timedelta(days=1 - ago), start) for ago in range(6)]
    live = {resolve_snapshot_date(run, lag_days) for run in runs if run <= now < run + grace} | {due}
    assert {snapshots_behind(snapshot, due) for snapshot in live} == {0}


@given(times, starts, graces, lags)
def test_table_that_misses_runs_falls_behind_by_the_days_between_their_snapshots(
    now: datetime, start: time, grace: timedelta, lag_days: int
) -> None:
    due = due_snapshot_date(now, start, grace, lag_days)
    for missed in range(1, 4):
        live = due_snapshot_date(now - timedelta(days=missed), start, grace, lag_days)
        # A change of clocks moves the day of a run that starts near midnight by one.
        assert abs(snapshots_behind(live, due) - missed) <= 1
        # At 10:00 UTC it is the same day in Mountain Time, all year.
        due_at_10, live_at_10 = (
            due_snapshot_date(then, AT_10, grace, lag_days) for then in (now, now - timedelta(days=missed))
        )
        assert snapshots_behind(live_at_10, due_at_10) == missed


@given(times, times, starts, graces, lags)
def test_due_snapshot_never_goes_back(
    now: datetime, later: datetime, start: time, grace: timedelta, lag_days: int
) -> None:
    now, later = sorted((now, later))
    assert due_snapshot_date(now, start, grace, lag_days) <= due_snapshot_date(later, start, grace, lag_days)


@given(times, st.integers(-14, 14))
def test_time_zone_of_the_clock_does_not_matter(now: datetime, hours: int) -> None:
    elsewhere = now.astimezone(timezone(timedelta(hours=hours)))
    assert due_snapshot_date(elsewhere, AT_10, SIX_HOURS, 2) == due_snapshot_date(now, AT_10, SIX_HOURS, 2)


def test_later_snapshot_than_the_due_one_is_not_behind() -> None:
    assert snapshots_behind(date(2020, 2, 1), date(2020, 1, 30)) == 0


def test_time_without_a_time_zone_is_an_error() -> None:
    with pytest.raises(InvalidInputError, match="no time zone"):
        due_snapshot_date(datetime(2020, 2, 1), AT_10, SIX_HOURS, 2)


@pytest.mark.parametrize(
    ("expression", "start"),
    [("cron(0 10 * * ? *)", time(10, tzinfo=UTC)), ("cron(59 0 * * ? *)", time(0, 59, tzinfo=UTC))],
)
def test_daily_schedule_is_read(expression: str, start: time) -> None:
    assert parse_daily_schedule(expression) == start


@pytest.mark.parametrize(
    "expression",
    ["rate(1 day)", "cron(0 0/8 * * ? *)", "cron(0 10 ? * MON-FRI *)", "cron(60 10 * * ? *)", "cron(0 24 * * ? *)", ""],
)
def test_schedule_without_a_fixed_time_every_day_is_an_error(expression: str) -> None:
    with pytest.raises(InvalidInputError, match="does not start once a day"):
        parse_daily_schedule(expression)


@pytest.mark.parametrize(
    ("live", "now", "seconds"),
    [
        (date(2020, 1, 30), "2020-02-01T10:30:00+00:00", 84600),
        (date(2020, 1, 30), "2020-02-02T09:59:59+00:00", 1),
        (date(2020, 1, 30), "2020-02-02T10:00:00+00:00", 60),
        (date(2020, 1, 29), "2020-02-01T10:30:00+00:00", 60),
        (date(2020, 1, 28), "2020-02-01T09:00:00+00:00", 60),
    ],
)
def test_an_answer_is_current_until_the_next_run_or_a_minute_while_one_is_at_work(
    live: date, now: str, seconds: int
) -> None:
    assert current_for_seconds(live, datetime.fromisoformat(now), AT_10, 2) == seconds
