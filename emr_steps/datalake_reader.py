"""Reads the windows' tables of the data lake, and refuses input that would make wrong features."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

from py4j.protocol import Py4JJavaError  # type: ignore[import-untyped]
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
from buyer_stage.spark.files import exists, join_uri, list_file_names
from emr_steps.feature_transforms import SNAPSHOT_DATE


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
        `SNAPSHOT_DATE` and `datalake.REQUIRED_COLUMNS`, with the rows of all snapshots.

    Raises:
        DataLakeError: the table or a snapshot is missing, empty or unreadable; a column is missing or mistyped.
    """
    uris = [uri for snapshot_date in snapshot_dates for uri in check_partition(spark, datalake, window, snapshot_date)]
    schema = ", ".join(f"{name} {hive_type.value}" for name, hive_type in REQUIRED_COLUMNS.items())
    return (
        spark.read.schema(f"{schema}, {PARTITION_COLUMN} string")
        .option("basePath", join_uri(datalake, table_prefix(window)))
        .parquet(*uris)
        .select(sf.to_date(PARTITION_COLUMN, "yyyyMMdd").alias(SNAPSHOT_DATE), *REQUIRED_COLUMNS)
    )


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
    uris = [join_uri(partition, name) for name in list_file_names(spark, partition) if not name.startswith(("_", "."))]
    row_count = 0
    for uri in uris:
        footer = _read_footer(spark, uri, where)
        for column, hive_type in REQUIRED_COLUMNS.items():
            found = footer.column_types.get(column)
            if found is None:
                raise DataLakeError(f"{where}: column {column} is missing from {uri}")
            if found != hive_type.value:
                raise DataLakeError(f"{where}: column {column} is {found} instead of {hive_type.value} in {uri}")
        row_count += footer.row_count
    if row_count == 0:
        raise DataLakeError(f"{where}: the snapshot is empty: its files have no rows")
    return uris


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


def _read_footer(spark: SparkSession, uri: str, where: str) -> _Footer:
    jvm: Any = spark._jvm
    parquet = jvm.org.apache.parquet.hadoop
    converter = jvm.org.apache.spark.sql.execution.datasources.parquet.ParquetToSparkSchemaConverter(
        spark._jsparkSession.sessionState().conf()
    )
    path = jvm.org.apache.hadoop.fs.Path(uri)
    try:
        reader = parquet.ParquetFileReader.open(
            parquet.util.HadoopInputFile.fromPath(path, spark._jsc.hadoopConfiguration())
        )
    except Py4JJavaError as error:
        # Java's message can quote the bytes of the file.
        name = error.java_exception.getClass().getSimpleName()
        raise DataLakeError(f"{where}: cannot read {uri} as Parquet ({name}); write the snapshot again") from None
    try:
        schema = converter.convert(reader.getFileMetaData().getSchema())
        types = {field.name(): field.dataType().simpleString() for field in schema.fields()}
        return _Footer(types, reader.getRecordCount())
    finally:
        reader.close()
