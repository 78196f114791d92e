"""How many days the live snapshot is behind the one that should be live by now, by the schedule and the lag."""

import re
from datetime import UTC, date, datetime, time, timedelta

from buyer_stage.domain.errors import InvalidInputError
from buyer_stage.domain.snapshot_date import resolve_snapshot_date

DAILY_SCHEDULE = re.compile(r"cron\((\d{1,2}) (\d{1,2}) \* \* \? \*\)")
"""An expression of EventBridge Scheduler that starts the ML pipeline once a day."""

OVERDUE_SECONDS = 60
"""How long an answer stays current while a publication can come at any moment."""


def parse_daily_schedule(expression: str) -> time:
    """Return the time of day, in UTC, of a schedule such as `cron(0 10 * * ? *)`: minute 0 of hour 10, every day.

    Raises:
        InvalidInputError: the schedule is not one of these, so that no snapshot is due on a given day.
    """
    parts = DAILY_SCHEDULE.fullmatch(expression)
    try:
        if parts:
            return time(hour=int(parts[2]), minute=int(parts[1]), tzinfo=UTC)
    except ValueError:
        pass
    raise InvalidInputError(
        f"schedule {expression!r} does not start once a day at a fixed time; write it as cron(minute hour * * ? *)"
    )


def due_snapshot_date(now: datetime, daily_start: time, grace: timedelta, lag_days: int) -> date:
    """Return the snapshot that should be live: the one of the last daily run that has had enough time.

    Args:
        now: the time, with a time zone.
        daily_start: when the ML pipeline starts every day, in UTC.
        grace: how long a run can take until its snapshot is live, waiting for late features included.
        lag_days: how many days the data lake is behind, 0 or more.

    Raises:
        InvalidInputError: `now` has no time zone, or `lag_days` is negative.
    """
    if now.tzinfo is None:
        raise InvalidInputError(f"time {now.isoformat()} has no time zone; add one, such as +00:00")
    latest = now.astimezone(UTC) - grace
    started = datetime.combine(latest.date(), daily_start)
    if started > latest:
        started -= timedelta(days=1)
    return resolve_snapshot_date(started, lag_days)


def snapshots_behind(live: date, due: date) -> int:
    """Return the days that the live snapshot is behind the one that is due; 0 when it is that one or a later one."""
    return max(0, (due - live).days)


def current_for_seconds(live: date, now: datetime, daily_start: time, lag_days: int) -> int:
    """Return how long the live snapshot stays the newest: until the next run starts, or briefly while a run is at work.

    Args:
        live: the live snapshot.
        now: the time, with a time zone.
        daily_start: when the ML pipeline starts every day, in UTC.
        lag_days: how many days the data lake is behind, 0 or more.

    Raises:
        InvalidInputError: `now` has no time zone, or `lag_days` is negative.
    """
    if live < due_snapshot_date(now, daily_start, timedelta(), lag_days):
        return OVERDUE_SECONDS
    next_start = datetime.combine(now.astimezone(UTC).date(), daily_start)
    if next_start <= now:
        next_start += timedelta(days=1)
    return int((next_start - now).total_seconds())
