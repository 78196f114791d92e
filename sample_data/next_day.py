"""Writes the day after a generated snapshot: most members as the day before, and some with another one's behavior.

A snapshot that `generate` draws has nothing in common with the one before. Real ones do: a window of 90 days shares 89
of them with the next day's.
"""

import random
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from buyer_stage.domain.datalake import partition_prefix
from buyer_stage.domain.features import MEMBER_ID
from buyer_stage.domain.snapshot_date import format_partition_value
from buyer_stage.domain.windows import Window

RUN_DATE = "run_date_mst_yyyymmdd"

CHANGED_SHARE = 0.1
"""Share of the members whose behavior changes. The model predicts another stage for about half of them."""

GONE_SHARE = 0.01
"""Share of the members who have no row any more."""


def generate_next_day(out: Path, snapshot_date: date, seed: int) -> date:
    """Write the partitions of the day after a snapshot, and return that day.

    Args:
        out: folder of the data lake.
        snapshot_date: the snapshot.
        seed: seed of the random numbers.
    """
    following = snapshot_date + timedelta(days=1)
    files = {window: sorted((out / partition_prefix(window, snapshot_date)).glob("*.parquet")) for window in Window}
    members = {
        member
        for paths in files.values()
        for path in paths
        for member in pq.read_table(path, columns=[MEMBER_ID])[0].to_pylist()
    }
    draw = random.Random(f"{seed} {snapshot_date}")  # noqa: S311  # made-up members
    shuffled = draw.sample(sorted(members), len(members))
    gone = shuffled[: round(GONE_SHARE * len(members))]
    changed = shuffled[len(gone) : len(gone) + round(CHANGED_SHARE * len(members))]
    # Each changed member takes the rows of the next one.
    renamed = dict(zip(changed, changed[1:] + changed[:1], strict=True))
    for window, paths in files.items():
        folder = out / partition_prefix(window, following)
        folder.mkdir(parents=True, exist_ok=True)
        for path in paths:
            table = pq.read_table(path)
            table = table.filter(pc.invert(pc.is_in(table[MEMBER_ID], pa.array(gone, pa.string()))))
            ids = [renamed.get(member, member) for member in table[MEMBER_ID].to_pylist()]
            days = pa.array([format_partition_value(following)] * len(table), pa.string())
            for name, values in ((MEMBER_ID, pa.array(ids, pa.string())), (RUN_DATE, days)):
                position = table.schema.get_field_index(name)
                table = table.set_column(position, table.schema.field(name), values)
            pq.write_table(table, folder / path.name)
    return following
