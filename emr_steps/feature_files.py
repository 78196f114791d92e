"""The part files of a snapshot's features, CSV without a header."""

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import DoubleType, LongType, StringType, StructField, StructType

from buyer_stage.domain.features import CALENDAR_COLUMNS, MEMBER_ID, SOURCE_COLUMNS, HiveType
from buyer_stage.domain.windows import Window

CSV_OPTIONS: dict[str, str] = {
    # Spark's defaults would change member ids: they trim values, and expect quotes to be escaped by a backslash.
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
"""The output columns with their types. The one-hot features of a string column are 0 or 1."""


def read_features(spark: SparkSession, uris: list[str]) -> DataFrame:
    """Read feature part files, without damaged lines. Readers compare the number of rows.

    In the mode FAILFAST, Spark would quote a damaged line, with its member id, in the log.
    """
    return spark.read.options(**CSV_OPTIONS, mode="DROPMALFORMED").schema(FEATURE_SCHEMA).csv(uris)
