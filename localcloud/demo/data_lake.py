"""Read a data lake in a local folder, without Spark and without the code of the pipeline."""

from datetime import date
from pathlib import Path

import pyarrow.dataset
import pyarrow.parquet

from buyer_stage.domain.datalake import PARTITION_COLUMN, partition_prefix, table_prefix
from buyer_stage.domain.errors import DataLakeError
from buyer_stage.domain.features import MEMBER_ID
from buyer_stage.domain.snapshot_date import parse_snapshot_date
from buyer_stage.domain.windows import Window


def newest_complete_snapshot(folder: Path) -> date:
    """Return the newest snapshot date for which all five tables have rows.

    Raises:
        DataLakeError: No snapshot is complete.
    """
    days = [
        {
            parse_snapshot_date(partition.name.partition("=")[2])
            for partition in (folder / table_prefix(window)).glob(f"{PARTITION_COLUMN}=*")
            if any(pyarrow.parquet.read_metadata(file).num_rows for file in partition.glob("*.parquet"))
        }
        for window in Window
    ]
    complete = set.intersection(*days)
    if not complete:
        raise DataLakeError(f"{folder}: no snapshot has rows in all {len(Window)} tables; add the missing partitions")
    return max(complete)


def count_distinct_members(folder: Path, snapshot_date: date) -> int:
    """Count the members in at least one window of a snapshot."""
    members: set[str] = set()
    for window in Window:
        files = sorted((folder / partition_prefix(window, snapshot_date)).glob("*.parquet"))
        table = pyarrow.dataset.dataset(files).to_table(columns=[MEMBER_ID])
        members.update(table.column(MEMBER_ID).to_pylist())
    return len(members)
