"""How feature part files are written and read: CSV without header, every character of a member id kept."""

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import DoubleType, LongType, StringType, StructField, StructType

from buyer_stage.domain.features import CALENDAR_COLUMNS, MEMBER_ID, SOURCE_COLUMNS, HiveType
from buyer_stage.domain.windows import Window

CSV_OPTIONS: dict[str, str] = {
    # Spark's defaults trim values and escape quotes with a backslash, which no other reader of CSV expects.
    "ignoreLeadingWhiteSpace": "false",
    "ignoreTrailingWhiteSpace": "false",
    "escape": '"',
}

_NUMBER_TYPES = {HiveType.BIGINT: LongType(), HiveType.STRING: LongType(), HiveType.DOUBLE: DoubleType()}

FEATURE_SCHEMA = StructType(
    [
        StructField(MEMBER_ID, StringType()),
        *[StructField(name, LongType()) for name in CALENDAR_COLUMNS],
        *[
            StructField(name, _NUMBER_TYPES[source.hive_type])
            for window in Window
            for source in SOURCE_COLUMNS
            for name in source.feature_names(window)
        ],
    ]
)
"""The output columns with their types; the one-hot features of a string column are 0 or 1."""


def write_csv(frame: DataFrame, uri: str) -> None:
    """Write a frame's partitions as part files into a folder that is not there yet."""
    frame.write.options(**CSV_OPTIONS).csv(uri)


def read_features(spark: SparkSession, uris: list[str]) -> DataFrame:
    """Read feature part files; a value that is not of its column's type fails the read."""
    return spark.read.options(**CSV_OPTIONS, mode="FAILFAST").schema(FEATURE_SCHEMA).csv(uris)
