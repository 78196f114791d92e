import csv
import math
from collections.abc import Callable, Mapping
from datetime import date
from functools import reduce
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf

from buyer_stage.domain.features import CALENDAR_COLUMNS, OUTPUT_COLUMNS, window_feature_names
from buyer_stage.domain.windows import Window
from emr_steps.feature_files import FEATURE_SCHEMA
from emr_steps.feature_transforms import MEMBER_ROWS, WINDOW_DAYS, csv_lines, join_windows, window_features
from tests.lake import SNAPSHOT, RawRow, write_window

Join = Callable[..., DataFrame]


@pytest.fixture
def join(spark: SparkSession, tmp_path: Path) -> Join:
    """Join handmade rows. Columns that a row leaves out are null."""

    def join_rows(rows: Mapping[Window, list[RawRow]]) -> DataFrame:
        tables = []
        for window in Window:
            file = write_window(tmp_path, window, rows.get(window, []))
            tables.append(spark.read.parquet(str(file)).withColumn(WINDOW_DAYS, sf.lit(window.days)))
        return join_windows(reduce(DataFrame.unionByName, tables))

    return join_rows


def features(joined: DataFrame, snapshot_date: date = SNAPSHOT) -> dict[str, dict[str, float]]:
    """Return member -> output column -> value."""
    lines = [line for (line,) in csv_lines(joined, snapshot_date).collect()]
    rows = {member: values for member, *values in csv.reader(lines)}
    assert len(rows) == len(lines), "more than one row for a member"
    return {member: dict(zip(OUTPUT_COLUMNS[1:], map(float, values), strict=True)) for member, values in rows.items()}


@pytest.mark.parametrize("window", Window)
def test_features_have_the_order_and_types_of_the_contract(spark: SparkSession, tmp_path: Path, window: Window) -> None:
    raw = spark.read.parquet(str(write_window(tmp_path, window, [])))

    types = [field.dataType for field in raw.select(*window_features()).schema]

    assert types == [FEATURE_SCHEMA[name].dataType for name in window_feature_names(window)]


def test_present_and_absent_windows_have_a_value_for_each_column(join: Join) -> None:
    made = features(join({Window.T030: [{"member_id": "m1"}]}))

    assert set(made["m1"].values()) == {0, *(float(n) for n in (SNAPSHOT.month, SNAPSHOT.day, SNAPSHOT.isoweekday()))}


def test_member_missing_from_the_first_window_is_one_row_with_zeros_there(join: Join) -> None:
    made = features(
        join(
            {
                Window.T007: [{"member_id": "m1", "total_searches": 4}],
                Window.T090: [{"member_id": "m1", "total_searches": 9}],
            }
        )
    )

    row = made["m1"]
    assert (row["total_searches_001"], row["total_searches_007"], row["total_searches_090"]) == (0, 4, 9)


def test_null_and_nan_are_zero_and_dwell_times_are_capped(join: Join) -> None:
    made = features(
        join(
            {
                Window.T001: [
                    {
                        "member_id": "m1",
                        "average_searches": math.nan,
                        "average_ldp_dwell_time_seconds": math.nan,
                        "average_srp_dwell_time_seconds": 180.5,
                        "total_ldp_dwell_time_seconds": 181,
                        "median_ldp_dwell_time_seconds": 179,
                        "total_ldp_page_views": 181,
                    }
                ]
            }
        )
    )

    row = made["m1"]
    assert row["average_searches_001"] == 0
    assert row["average_ldp_dwell_time_seconds_001"] == 0, "Spark orders NaN above all numbers"
    assert row["average_srp_dwell_time_seconds_001"] == 180
    assert row["total_ldp_dwell_time_seconds_001"] == 180
    assert row["median_ldp_dwell_time_seconds_001"] == 179
    assert row["total_lead_dwell_time_seconds_001"] == 0
    assert row["total_ldp_page_views_001"] == 181, "counts are not capped"


def test_segment_is_one_of_four_or_none(join: Join) -> None:
    one_hot_by_segment: dict[str | None, list[int]] = {
        "for sale": [1, 0, 0, 0],
        " \tnot for sale\n": [0, 1, 0, 0],
        "for rent ": [0, 0, 1, 0],
        "no_segment": [0, 0, 0, 1],
        "For Sale": [0, 0, 0, 0],
        "": [0, 0, 0, 0],
        None: [0, 0, 0, 0],
    }
    rows = [{"member_id": repr(segment), "ldp_dominant_segment": segment} for segment in one_hot_by_segment]

    made = features(join({Window.T030: rows}))

    names = [f"ldp_dominant_segment_{name}_030" for name in ("for_sale", "not_for_sale", "for_rent", "no_segment")]
    assert {member: [row[name] for name in names] for member, row in made.items()} == {
        repr(segment): one_hot for segment, one_hot in one_hot_by_segment.items()
    }


@pytest.mark.parametrize("day", [date(2020, 2, 2), date(2020, 2, 3), date(2020, 2, 29), date(2024, 12, 31)])
def test_calendar_columns_count_the_week_from_monday(join: Join, day: date) -> None:
    row = features(join({Window.T001: [{"member_id": "m1"}]}), day)["m1"]

    assert [row[name] for name in CALENDAR_COLUMNS] == [day.month, day.day, day.isoweekday()]


def test_repeated_member_has_more_rows_than_windows(join: Join) -> None:
    frame = join({Window.T060: [{"member_id": "m1"}, {"member_id": "m1"}], Window.T090: [{"member_id": "m1"}]})

    row = frame.collect()[0]
    assert [window for window in Window if row[window.value] is not None] == [Window.T060, Window.T090]
    assert row[MEMBER_ROWS] == 3


def test_joining_the_windows_takes_one_shuffle(join: Join) -> None:
    plan = join({})._jdf.queryExecution().executedPlan().toString()

    assert plan.count("Exchange hashpartitioning") == 1
    assert "Join" not in plan
