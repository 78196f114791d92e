"""Reads the windows' tables of the data lake, and refuses input that would make wrong features."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf

from buyer_stage.domain.datalake import (
    PARTITION_COLUMN,
    REQUIRED_COLUMNS,
    partition_prefix,
    table_name,
    table_prefix,
)
from buyer_stage.domain.errors import DataLakeError
from buyer_stage.domain.snapshot_date import format_partition_value
from buyer_stage.domain.windows import Window
from buyer_stage.spark.files import exists, join_uri, list_files
from emr_steps.feature_transforms import WINDOW_DAYS

FOOTERS_READ_AT_ONCE = 64
"""Files that the driver opens at the same time, and whose footers it holds in memory."""


_SCHEMA = ", ".join(f"{name} {hive_type.value}" for name, hive_type in REQUIRED_COLUMNS.items())


@dataclass(frozen=True)
class _Footer:
    """What a Parquet file's footer says: column -> type in Spark SQL's spelling, and the number of rows."""

    column_types: dict[str, str]
    row_count: int


def read_window(spark: SparkSession, datalake: str, window: Window, snapshot_dates: Sequence[date]) -> DataFrame:
    """Read the required columns of a window's table.

    Args:
        spark: the session.
        datalake: root of the data lake.
        window: the window.
        snapshot_dates: the snapshots, at least one.

    Returns:
        `datalake.REQUIRED_COLUMNS` and `datalake.PARTITION_COLUMN`, with the rows of all snapshots.

    Raises:
        DataLakeError: the table or a snapshot is missing, empty or unreadable; a column is missing or mistyped.
    """
    uris = [uri for snapshot_date in snapshot_dates for uri in check_partition(spark, datalake, window, snapshot_date)]
    return (
        spark.read.schema(f"{_SCHEMA}, {PARTITION_COLUMN} string")
        .option("basePath", join_uri(datalake, table_prefix(window)))
        .parquet(*uris)
    )


def read_all_windows(spark: SparkSession, datalake: str, snapshot_date: date) -> DataFrame:
    """Read one snapshot of all windows' tables as one frame.

    One scan becomes one program for all windows. Five programs would take Java longer to compile than half a million
    members to process.

    Args:
        spark: the session.
        datalake: root of the data lake.
        snapshot_date: the snapshot.

    Returns:
        `WINDOW_DAYS` and `datalake.REQUIRED_COLUMNS`.

    Raises:
        DataLakeError: as for `read_window`.
    """
    files = {window: check_partition(spark, datalake, window, snapshot_date) for window in Window}
    # Spark spells the folders of the rows like this. Searching the paths for a table's name takes a tenth of the step.
    folders = {window: uris[0].rpartition("/")[0] for window, uris in files.items()}
    path = sf.col("_metadata.file_path")
    window_days = sf.coalesce(*[sf.when(path.startswith(f"{folders[w]}/"), sf.lit(w.days)) for w in Window])
    uris = [uri for uris in files.values() for uri in uris]
    return spark.read.schema(_SCHEMA).parquet(*uris).select(window_days.alias(WINDOW_DAYS), *REQUIRED_COLUMNS)


def check_partition(spark: SparkSession, datalake: str, window: Window, snapshot_date: date) -> list[str]:
    """Check one snapshot of a window's table by its files' footers, without a pass over the data.

    Returns:
        The URIs of its data files, sorted.

    Raises:
        DataLakeError: as for `read_window`.
    """
    where = f"table {table_name(window)}, snapshot {format_partition_value(snapshot_date)}"
    if not exists(spark, join_uri(datalake, table_prefix(window))):
        raise DataLakeError(f"{where}: the table is missing from {datalake}")
    partition = join_uri(datalake, partition_prefix(window, snapshot_date))
    if not exists(spark, partition):
        raise DataLakeError(f"{where}: the snapshot is missing: {partition} does not exist")
    files = [file for file in list_files(spark, partition) if not file.getPath().getName().startswith(("_", "."))]
    footers = _read_footers(spark, files, where)
    for uri, footer in footers.items():
        for column, hive_type in REQUIRED_COLUMNS.items():
            found = footer.column_types.get(column)
            if found is None:
                raise DataLakeError(f"{where}: column {column} is missing from {uri}")
            if found != hive_type.value:
                raise DataLakeError(f"{where}: column {column} is {found} instead of {hive_type.value} in {uri}")
    if not any(footer.row_count for footer in footers.values()):
        raise DataLakeError(f"{where}: the snapshot is empty: its files have no rows")
    return list(footers)


@contextmanager
def name_unreadable_files() -> Iterator[None]:
    """Turn Spark's error about an unreadable file into one that names the table and the snapshot.

    Raises:
        DataLakeError: Spark failed to read a file of the data lake.
    """
    try:
        yield
    except (Py4JJavaError, PySparkException) as error:
        file = re.search(rf"(\w+)/{PARTITION_COLUMN}=(\d{{8}})/[^\s,]+", str(error))
        if file is None:
            raise
        raise DataLakeError(f"table {file[1]}, snapshot {file[2]}: cannot read {file[0]}") from None


def _read_footers(spark: SparkSession, files: Sequence[Any], where: str) -> dict[str, _Footer]:
    """Return URI -> footer. A snapshot can have thousands of files, and S3 takes its time to open each of them."""
    jvm: Any = spark._jvm
    configuration = jvm.org.apache.hadoop.conf.Configuration(spark._jsc.hadoopConfiguration())
    configuration.setInt("parquet.metadata.read.parallelism", FOOTERS_READ_AT_ONCE)
    reader = jvm.org.apache.parquet.hadoop.ParquetFileReader
    converter = jvm.org.apache.spark.sql.execution.datasources.parquet.ParquetToSparkSchemaConverter(
        spark._jsparkSession.sessionState().conf()
    )
    # Most files have the same schema, and each call into Java takes time.
    types_by_schema: dict[str, dict[str, str]] = {}
    found = {}
    for start in range(0, len(files), FOOTERS_READ_AT_ONCE):
        try:
            footers = reader.readAllFootersInParallel(configuration, files[start : start + FOOTERS_READ_AT_ONCE], False)
        except Py4JJavaError as error:
            # Java's message can quote the bytes of the file.
            name = error.java_exception.getClass().getSimpleName()
            file = re.search(rf"{PARTITION_COLUMN}=\d{{8}}/[^\s,;}}]+", str(error.java_exception.getMessage()))
            raise DataLakeError(
                f"{where}: cannot read {file[0] if file else 'a file'} as Parquet ({name}); write the snapshot again"
            ) from None
        for footer in footers:
            metadata = footer.getParquetMetadata()
            schema = metadata.getFileMetaData().getSchema()
            text = schema.toString()
            if text not in types_by_schema:
                fields = converter.convert(schema).fields()
                types_by_schema[text] = {field.name(): field.dataType().simpleString() for field in fields}
            row_count = sum(block.getRowCount() for block in metadata.getBlocks())
            found[footer.getFile().toString()] = _Footer(types_by_schema[text], row_count)
    return found
