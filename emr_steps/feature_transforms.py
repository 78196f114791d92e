"""Transforms of frames that compute the features, driven by the feature specification."""

from datetime import date
from functools import reduce
from operator import or_

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as sf

from buyer_stage.domain.features import (
    MAXIMUM_DWELL_SECONDS,
    MEMBER_ID,
    SOURCE_COLUMNS,
    HiveType,
    Rule,
    SourceColumn,
)
from buyer_stage.domain.windows import Window

WINDOW_DAYS = "window_days"
"""Column of raw rows: the days of their window, as in the SQL definition."""

MEMBER_ROWS = "member_rows"
"""Column of `join_windows`: the rows of a member in all windows."""

WHITE_SPACE = " \t\n\r\f\v"


def window_features() -> list[Column]:
    """Return a window's features, in output order and without names, as expressions on raw rows."""
    return [column for source in SOURCE_COLUMNS for column in _source_features(source)]


def is_missing(source: SourceColumn) -> Column:
    """Return whether a raw row has no value in a source column: null or NaN."""
    value = sf.col(source.name)
    return value.isNull() | sf.isnan(value) if source.hive_type is HiveType.DOUBLE else value.isNull()


def join_windows(rows: DataFrame) -> DataFrame:
    """Join the windows into one row per member, whichever windows the member is missing from.

    Args:
        rows: raw rows of one snapshot: `WINDOW_DAYS`, member id and the source columns.

    Returns:
        `member_id`, per window its features as CSV, null where the member is missing, and `MEMBER_ROWS`.
    """
    # Five strings per member are moved, sorted and written with a fraction of the work that 155 numbers take.
    texts = [csv_number(*each) for each in zip(window_features(), _ABSENT.split(","), strict=True)]
    rendered = rows.select(MEMBER_ID, WINDOW_DAYS, sf.concat_ws(",", *texts).alias("features"))
    # One groupBy shuffles each row once. A chain of five full outer joins would shuffle rows four times.
    # At most one row per member and window is not null, and max picks it. `MEMBER_ROWS` shows when there are more.
    in_window = {window: sf.when(sf.col(WINDOW_DAYS) == window.days, sf.col("features")) for window in Window}
    return (
        rendered.repartition(MEMBER_ID)
        .groupBy(MEMBER_ID)
        .agg(
            *[sf.max(features).alias(window.value) for window, features in in_window.items()],
            sf.count(sf.lit(1)).alias(MEMBER_ROWS),
        )
    )


def csv_lines(joined: DataFrame, snapshot_date: date) -> DataFrame:
    """Return the output columns, in order, as the single column `line`.

    Args:
        joined: from `join_windows`.
        snapshot_date: the snapshot, which determines the calendar columns.
    """
    calendar = f"{snapshot_date.month},{snapshot_date.day},{snapshot_date.isoweekday()}"
    line = sf.concat_ws(
        ",",
        csv_member_id(),
        sf.lit(calendar),
        *[sf.coalesce(window.value, sf.lit(_ABSENT)) for window in Window],
    )
    return joined.select(line.alias("line"))


def csv_member_id() -> Column:
    """Return the member id as a field of CSV, in quotes where it needs them."""
    member_id = sf.col(MEMBER_ID)
    quoted = sf.concat(sf.lit('"'), sf.regexp_replace(member_id, '"', '""'), sf.lit('"'))
    # Four searches cost less than one pattern.
    needs_quotes = reduce(or_, [member_id.contains(character) for character in ',"\r\n'])
    return sf.when(needs_quotes, quoted).otherwise(member_id)


def csv_number(number: Column, zero: str) -> Column:
    """Return a number as a field of CSV.

    Args:
        number: an integer, or a double other than NaN.
        zero: text of 0. Most values are 0, and a constant is faster than a conversion.
    """
    return sf.when(number == 0, zero).otherwise(number.cast("string"))


def rows_checksum(rows: DataFrame) -> Column:
    """Return an aggregate that identifies all rows: a sum of hashes, which does not depend on their order.

    `xxhash64` skips nulls, so it cannot tell which of two columns holds one. Only one of two frames that are compared
    can have nulls.
    """
    # As a decimal: a sum of 64-bit integers overflows.
    return sf.coalesce(sf.sum(sf.xxhash64(*rows.columns).cast("decimal(20,0)")), sf.lit(0))


_ABSENT = ",".join(
    "0.0" if source.hive_type is HiveType.DOUBLE else "0"
    for source in SOURCE_COLUMNS
    for _ in source.feature_names(Window.T001)
)
"""The features of a window that a member is missing from."""


def _source_features(source: SourceColumn) -> list[Column]:
    value = sf.col(source.name)
    if source.rule is Rule.ONE_HOT:
        # Few values need trimming, which is slow.
        trimmed = sf.when(value.isin(*source.values), value).otherwise(sf.btrim(value, sf.lit(WHITE_SPACE)))
        return [sf.coalesce((trimmed == known).cast("bigint"), sf.lit(0)) for known in source.values]
    # NaN comes first: Spark orders it above all numbers, so the cap would replace it.
    number = sf.nanvl(value, sf.lit(0.0)) if source.hive_type is HiveType.DOUBLE else value
    filled = sf.coalesce(number, sf.lit(0).cast(source.hive_type.value))
    if source.rule is Rule.DWELL:
        filled = sf.least(filled, sf.lit(MAXIMUM_DWELL_SECONDS).cast(source.hive_type.value))
    return [filled]
