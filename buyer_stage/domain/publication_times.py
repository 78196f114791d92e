"""When stages are published, and so which snapshot the table should have and how long an answer stays current."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from buyer_stage.domain.snapshot_date import DEFAULT_LAG_DAYS, resolve_snapshot_date

OVERDUE_RETRY_SECONDS = 60
"""How long an answer stays current while the day's publication can come at any moment."""


@dataclass(frozen=True)
class PublicationTimes:
    """The daily times of the ML pipeline.

    Attributes:
        starts_at: when the daily run starts, in UTC.
        published_by: when its stages should be in the table, in UTC; later on the same day.
        lag_days: days between the snapshot and the day of the run, see `resolve_snapshot_date`.
    """

    starts_at: time
    published_by: time
    lag_days: int = DEFAULT_LAG_DAYS

    def expected_snapshot(self, now: datetime) -> date:
        """Return the snapshot that should be live, given that the latest run can still be at work.

        Args:
            now: the present time in UTC.
        """
        return self._snapshot_of_run(_latest(now, self.published_by))

    def current_for_seconds(self, as_of: date, now: datetime) -> int:
        """Return how long the live snapshot stays the newest: until the next run, or briefly while a run is due.

        Args:
            as_of: the live snapshot.
            now: the present time in UTC.
        """
        started = _latest(now, self.starts_at)
        if as_of < self._snapshot_of_run(started):
            return OVERDUE_RETRY_SECONDS
        return int((started + timedelta(days=1) - now).total_seconds())

    def _snapshot_of_run(self, on_its_day: datetime) -> date:
        start = datetime.combine(on_its_day.date(), self.starts_at, on_its_day.tzinfo)
        return resolve_snapshot_date(start, self.lag_days)


def _latest(now: datetime, daily: time) -> datetime:
    """Return the latest moment, up to now, that has a time of day."""
    today = datetime.combine(now.date(), daily, now.tzinfo)
    return today if today <= now else today - timedelta(days=1)
