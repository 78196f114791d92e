"""Small handmade data lakes."""

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from buyer_stage.domain.datalake import REQUIRED_COLUMNS, partition_prefix
from buyer_stage.domain.features import HiveType
from buyer_stage.domain.windows import Window

SNAPSHOT = date(2020, 2, 3)

ARROW_TYPES = {HiveType.STRING: pa.string(), HiveType.BIGINT: pa.int64(), HiveType.DOUBLE: pa.float64()}
SCHEMA = pa.schema([(name, ARROW_TYPES[hive_type]) for name, hive_type in REQUIRED_COLUMNS.items()])

RawRow = Mapping[str, object]


def write_window(
    lake: Path, window: Window, rows: Iterable[RawRow], snapshot_date: date = SNAPSHOT, schema: pa.Schema = SCHEMA
) -> Path:
    """Write rows as one file of a window's table, and return the file. Columns that a row leaves out are null."""
    columns = [{name: row.get(name) for name in schema.names} for row in rows]
    file = lake / partition_prefix(window, snapshot_date) / "part-00000.parquet"
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(columns, schema=schema), file)
    return file


def write_lake(lake: Path, rows: Iterable[RawRow] = ({"member_id": "m1"},), snapshot_date: date = SNAPSHOT) -> None:
    """Write the same rows to the tables of all windows."""
    rows = list(rows)
    for window in Window:
        write_window(lake, window, rows, snapshot_date)
