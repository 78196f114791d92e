"""Transforms of frames that compute the features, driven by the feature specification."""

from collections.abc import Mapping
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as sf

from buyer_stage.domain.features import (
    CALENDAR_COLUMNS,
    MAXIMUM_DWELL_SECONDS,
    MEMBER_ID,
    SOURCE_COLUMNS,
    HiveType,
    Rule,
    SourceColumn,
)
from buyer_stage.domain.windows import Window

SNAPSHOT_DATE = "snapshot_date"
"""Date column that frames of raw rows have next to the data lake's columns."""

WHITE_SPACE = " \t\n\r\f\v"


def row_count_column(window: Window) -> str:
    """Return the name of the `join_windows` column that counts a member's rows in a window's table: at most 1."""
    return f"{window.value}_rows"


def join_windows(tables: Mapping[Window, DataFrame]) -> DataFrame:
    """Join the windows into one row per snapshot and member, whichever windows the member is missing from.

    Args:
        tables: window -> raw rows: `SNAPSHOT_DATE`, member id and the source columns.

    Returns:
        `SNAPSHOT_DATE`, `member_id`, and per window a struct of its source columns, null where the member is missing,
        and the number of rows found (`row_count_column`).
    """
    # A union with one groupBy shuffles each row once. A chain of five full outer joins would shuffle rows four times.
    rows = reduce(
        lambda union, frame: union.unionByName(frame, allowMissingColumns=True),
        [_as_struct(tables[window], window) for window in Window],
    )
    # At most one row per member and window is not null, and max picks it. The count shows when there are more.
    return rows.groupBy(SNAPSHOT_DATE, MEMBER_ID).agg(
        *[sf.max(window.value).alias(window.value) for window in Window],
        *[sf.count(window.value).alias(row_count_column(window)) for window in Window],
    )


def feature_columns() -> list[Column]:
    """Return the output columns, in order, as expressions on the frame of `join_windows`."""
    # weekday() is 0 on Mondays. dayofweek() would count from Sunday, unlike ISO 8601 and the SQL definition.
    calendar = (sf.month(SNAPSHOT_DATE), sf.dayofmonth(SNAPSHOT_DATE), sf.weekday(SNAPSHOT_DATE) + 1)
    return [
        sf.col(MEMBER_ID),
        *[column.cast("bigint").alias(name) for name, column in zip(CALENDAR_COLUMNS, calendar, strict=True)],
        *[column for window in Window for source in SOURCE_COLUMNS for column in _source_features(source, window)],
    ]


def _as_struct(table: DataFrame, window: Window) -> DataFrame:
    return table.select(
        SNAPSHOT_DATE, MEMBER_ID, sf.struct(*[source.name for source in SOURCE_COLUMNS]).alias(window.value)
    )


def _source_features(source: SourceColumn, window: Window) -> list[Column]:
    value = sf.col(f"{window.value}.{source.name}")
    names = source.feature_names(window)
    if source.rule is Rule.ONE_HOT:
        trimmed = sf.btrim(value, sf.lit(WHITE_SPACE))
        return [
            sf.coalesce((trimmed == known).cast("bigint"), sf.lit(0)).alias(name)
            for known, name in zip(source.values, names, strict=True)
        ]
    # NaN comes first: Spark orders it above all numbers, so the cap would replace it.
    number = sf.nanvl(value, sf.lit(0.0)) if source.hive_type is HiveType.DOUBLE else value
    filled = sf.coalesce(number, sf.lit(0).cast(source.hive_type.value))
    if source.rule is Rule.DWELL:
        filled = sf.least(filled, sf.lit(MAXIMUM_DWELL_SECONDS).cast(source.hive_type.value))
    return [filled.alias(names[0])]
