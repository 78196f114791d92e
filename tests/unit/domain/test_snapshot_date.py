"""A run's snapshot is two days before its day in Mountain Time, and is written as YYYYMMDD."""

from datetime import UTC, date, datetime

import pytest

from buyer_stage.domain.errors import InvalidInputError
from buyer_stage.domain.snapshot_date import format_partition_value, parse_snapshot_date, resolve_snapshot_date


@pytest.mark.parametrize(
    ("run_time", "snapshot"),
    [
        ("2020-02-01T10:00:00+00:00", date(2020, 1, 30)),  # the daily run
        ("2020-02-01T06:59:59+00:00", date(2020, 1, 29)),  # a second before midnight in Denver, winter
        ("2020-02-01T07:00:00+00:00", date(2020, 1, 30)),  # midnight in Denver, winter
        ("2020-07-01T05:59:59+00:00", date(2020, 6, 28)),  # a second before midnight in Denver, summer
        ("2020-07-01T06:00:00+00:00", date(2020, 6, 29)),  # midnight in Denver, summer
        ("2020-03-08T06:59:59+00:00", date(2020, 3, 5)),  # a second before the start of a 23-hour day
        ("2020-03-09T06:00:00+00:00", date(2020, 3, 7)),  # midnight after the 23-hour day
        ("2020-11-02T06:59:59+00:00", date(2020, 10, 30)),  # a second before the end of a 25-hour day
        ("2020-11-02T07:00:00+00:00", date(2020, 10, 31)),  # midnight after the 25-hour day
        ("2020-02-01T12:00:00+09:00", date(2020, 1, 29)),  # another time zone
    ],
)
def test_snapshot_is_two_days_before_the_mountain_day(run_time: str, snapshot: date) -> None:
    assert resolve_snapshot_date(datetime.fromisoformat(run_time)) == snapshot


def test_lag_is_configurable() -> None:
    assert resolve_snapshot_date(datetime(2020, 3, 1, 12, tzinfo=UTC), lag_days=0) == date(2020, 3, 1)


def test_run_time_without_a_time_zone_is_an_error() -> None:
    with pytest.raises(InvalidInputError, match="no time zone"):
        resolve_snapshot_date(datetime(2020, 2, 1))


def test_negative_lag_is_an_error() -> None:
    with pytest.raises(InvalidInputError, match="lag_days is -1"):
        resolve_snapshot_date(datetime(2020, 2, 1, tzinfo=UTC), lag_days=-1)


def test_snapshot_date_survives_writing_and_reading() -> None:
    assert format_partition_value(date(2020, 1, 3)) == "20200103"
    assert parse_snapshot_date("20200103") == date(2020, 1, 3)


@pytest.mark.parametrize(
    "text", ["", "2020-01-03", "20200230", "2020010", " 2020103", "\uff12\uff10\uff12\uff10\uff10\uff11\uff10\uff13"]
)
def test_text_that_is_not_a_day_is_an_error(text: str) -> None:
    with pytest.raises(InvalidInputError, match="is not a day written as YYYYMMDD"):
        parse_snapshot_date(text)
