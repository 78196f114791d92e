"""The snapshot date: which day a run processes, and how the day is written."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from buyer_stage.domain.errors import InvalidInputError

MOUNTAIN_TIME = ZoneInfo("America/Denver")
"""A day in the data lake ends at midnight Mountain Time."""

DEFAULT_LAG_DAYS = 2
"""The data lake completes a day's summaries within two days."""


def resolve_snapshot_date(run_time: datetime, lag_days: int = DEFAULT_LAG_DAYS) -> date:
    """Return the snapshot that a run processes by default.

    Args:
        run_time: when the run started, with a time zone.
        lag_days: how many days the data lake is behind, 0 or more.

    Raises:
        InvalidInputError: `run_time` has no time zone, or `lag_days` is negative.
    """
    if run_time.tzinfo is None:
        raise InvalidInputError(f"run time {run_time.isoformat()} has no time zone; add one, such as +00:00")
    if lag_days < 0:
        raise InvalidInputError(f"lag_days is {lag_days}; it must be 0 or more")
    return run_time.astimezone(MOUNTAIN_TIME).date() - timedelta(days=lag_days)


def parse_snapshot_date(text: str) -> date:
    """Return the date that a text spells as `YYYYMMDD`.

    Raises:
        InvalidInputError: the text is not a day written with eight digits.
    """
    try:
        day = datetime.strptime(text, "%Y%m%d").date()
    except ValueError:
        day = None
    # strptime is lenient: it reads 2020130 as January 30.
    if day is None or format_partition_value(day) != text:
        raise InvalidInputError(f"snapshot date {text!r} is not a day written as YYYYMMDD, such as 20200130")
    return day


def format_partition_value(snapshot_date: date) -> str:
    """Return a snapshot date as `YYYYMMDD`, the form in the data lake's partitions and the state machines."""
    return f"{snapshot_date:%Y%m%d}"
