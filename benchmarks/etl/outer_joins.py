"""The features as a chain of full outer joins on Spark, column by column: how one would write them first.

spark-submit benchmarks/etl/outer_joins.py --datalake DIR --out DIR
"""

import argparse

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf

from benchmarks.etl import SNAPSHOT
from buyer_stage.domain.datalake import partition_prefix
from buyer_stage.domain.features import (
    MAXIMUM_DWELL_SECONDS,
    MEMBER_ID,
    OUTPUT_COLUMNS,
    SOURCE_COLUMNS,
    Rule,
)
from buyer_stage.domain.windows import Window


def window_features(frame: DataFrame, window: Window) -> DataFrame:
    """Add the features of a window one after the other, and drop the columns that they come from."""
    for source in SOURCE_COLUMNS:
        names = source.feature_names(window)
        if source.rule is Rule.ONE_HOT:
            frame = frame.withColumn(source.name, sf.regexp_replace(source.name, r"^\s+|\s+$", ""))
            for name, known in zip(names, source.values, strict=True):
                frame = frame.withColumn(name, sf.when(sf.col(source.name) == known, 1).otherwise(0))
            continue
        frame = frame.withColumn(names[0], sf.col(source.name)).fillna(0, subset=[names[0]])
        if source.rule is Rule.DWELL:
            capped = sf.when(sf.col(names[0]) > MAXIMUM_DWELL_SECONDS, MAXIMUM_DWELL_SECONDS)
            frame = frame.withColumn(names[0], capped.otherwise(sf.col(names[0])))
    return frame.drop(*[source.name for source in SOURCE_COLUMNS])


def main() -> None:
    """Write the features as CSV part files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--datalake", required=True)
    parser.add_argument("--out", required=True)
    parsed = parser.parse_args()
    spark = SparkSession.builder.appName("outer joins").getOrCreate()
    joined: DataFrame | None = None
    for window in Window:
        raw = spark.read.parquet(f"{parsed.datalake}/{partition_prefix(window, SNAPSHOT)}")
        features = window_features(raw.select(MEMBER_ID, *[source.name for source in SOURCE_COLUMNS]), window)
        joined = features if joined is None else joined.join(features, on=MEMBER_ID, how="full_outer")
    if joined is None:
        raise ValueError("there are no windows")
    calendar = {
        "snapshot_month": SNAPSHOT.month,
        "snapshot_day_of_month": SNAPSHOT.day,
        "snapshot_day_of_week": SNAPSHOT.isoweekday(),
    }
    for name, value in calendar.items():
        joined = joined.withColumn(name, sf.lit(value))
    joined.fillna(0).select(*OUTPUT_COLUMNS).write.csv(parsed.out)


if __name__ == "__main__":
    main()
