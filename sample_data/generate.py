"""Writes a synthetic data lake: five tables with a labeled day and a scored day, and the survey.

    python -m sample_data.generate --out DIR [--members 20000] [--snapshot-date 20200301] [--labeled-date 20200131]
        [--seed 7] [--part-files 2]

The same arguments produce the same values. The generator reads no clock.
"""

import argparse
import csv
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from datetime import date, timedelta
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rich.progress import Progress

from buyer_stage.domain.datalake import SURVEY_COLUMNS, SURVEY_FILE, partition_prefix
from buyer_stage.domain.errors import InvalidInputError
from buyer_stage.domain.snapshot_date import parse_snapshot_date
from buyer_stage.domain.stages import STAGE_ALIASES, Stage
from buyer_stage.domain.windows import Window
from sample_data.behavior import Array, Behavior, Members, draw_behavior, draw_members
from sample_data.schema import table_schema

MINIMUM_MEMBERS = 20
"""With fewer members, windows would be empty and stages would have no answer."""

BLOCK_MEMBERS = 25_000
"""Most members that a process holds in memory at a time, in about 400 MB. Blocks have random numbers of their own, so
that the values do not depend on the number of processes."""

LABELED_DAYS_BEFORE_SNAPSHOT = 30
TURNOVER = 0.1
"""Share of the labeled day's members whom new members replace on the scored day."""

ANSWER_SHARE = 0.6
CONFLICTING_SHARE = 0.02
UNKNOWN_LABEL_SHARE = 0.01
UNKNOWN_LABEL = "Just Looking"

ANSWER_DAY_SHARES: dict[int, float] = {-1: 0.1, 0: 0.3, 1: 0.3, 2: 0.25, 9: 0.05}
"""Days from the labeled day to an answer -> share of the answers. An earlier or much later answer labels nothing."""

STAGES = tuple(Stage)
ALIASES = {stage: alias for alias, stage in STAGE_ALIASES.items()}


def generate(
    out: Path,
    members: int,
    snapshot_date: date,
    labeled_date: date,
    seed: int,
    part_files: int = 2,
    on_progress: Callable[[float], None] = lambda _: None,
) -> None:
    """Write the data lake.

    Args:
        out: the folder to write. Existing partitions and surveys with the same names are replaced.
        members: number of distinct members on each of the two days, at least `MINIMUM_MEMBERS`.
        snapshot_date: the scored day.
        labeled_date: the earlier day, which the answers label.
        seed: seed of the random numbers, 0 or more.
        part_files: number of Parquet files per partition, 1 or more.
        on_progress: called with the share of the work that is done, up to 1.

    Raises:
        InvalidInputError: an argument has an impossible value.
    """
    if members < MINIMUM_MEMBERS:
        raise InvalidInputError(f"{members} members: use at least {MINIMUM_MEMBERS}")
    if part_files < 1:
        raise InvalidInputError(f"{part_files} part files: use at least 1")
    if seed < 0:
        raise InvalidInputError(f"seed {seed} is negative; use 0 or more")
    if labeled_date >= snapshot_date:
        raise InvalidInputError(
            f"labeled date {labeled_date} is not before the snapshot date {snapshot_date}; use an earlier day"
        )

    lake = _Lake(out, members, snapshot_date, labeled_date, seed, part_files, -(-members // BLOCK_MEMBERS))
    for window in Window:
        for day in (snapshot_date, labeled_date):
            folder = out / partition_prefix(window, day)
            folder.mkdir(parents=True, exist_ok=True)
            for old in folder.glob("*.parquet"):
                old.unlink()
    workers = os.cpu_count() if lake.block_count > 1 else None
    with ProcessPoolExecutor(workers, get_context("spawn")) if workers else nullcontext() as pool:
        run_all = pool.map if pool else map
        days = [(day, *share) for share in lake.shares() for day in (snapshot_date, labeled_date)]
        for done, _ in enumerate(run_all(lake.write_day, *zip(*days, strict=True)), start=1):
            on_progress(done / (len(days) + 1))
        with (out / SURVEY_FILE).open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(SURVEY_COLUMNS)
            for rows in run_all(lake.survey_rows, range(lake.block_count)):
                writer.writerows(rows)
    on_progress(1)


@dataclass(frozen=True)
class _Lake:
    """A data lake whose members are drawn block by block. The arguments of `generate` determine all values."""

    out: Path
    members: int
    snapshot_date: date
    labeled_date: date
    seed: int
    part_files: int
    block_count: int

    def shares(self) -> Iterator[tuple[Array, Array]]:
        """Yield blocks, and the numbers of the part files that hold them and nothing else."""
        count = min(self.block_count, self.part_files)
        blocks, files = (np.array_split(np.arange(total), count) for total in (self.block_count, self.part_files))
        return zip(blocks, files, strict=True)

    def draw_members(self, block: int) -> tuple[Members, int]:
        """Draw the members of both days, and return the number of those who are not members on the earlier day."""
        first, end = (self.members * number // self.block_count for number in (block, block + 1))
        arrivals = max(1, round(TURNOVER * (end - first)))
        rng = np.random.default_rng([self.seed, 0, block])
        return draw_members(rng, end - first + arrivals, first_number=block << 16), arrivals

    def write_day(self, day: date, blocks: Array, files: Array) -> None:
        """Write part files of every window."""
        schema = table_schema()
        with ExitStack() as stack:
            writers = {
                window: [
                    # Statistics and Arrow's own schema would take half of a small file.
                    stack.enter_context(
                        pq.ParquetWriter(
                            self.out / partition_prefix(window, day) / f"part-{number:05d}.parquet",
                            schema,
                            compression="snappy",
                            write_statistics=False,
                            store_schema=False,
                        )
                    )
                    for number in files
                ]
                for window in Window
            }
            for block in blocks.tolist():
                members, arrivals = self.draw_members(block)
                of_day = slice(arrivals, None) if day == self.snapshot_date else slice(len(members.ids) - arrivals)
                # Each day has its own random numbers, so that it stays the same when the other day changes.
                rng = np.random.default_rng([self.seed, day.toordinal(), block])
                behavior = draw_behavior(rng, members.part(of_day), day)
                for position, window in enumerate(Window):
                    rows = np.flatnonzero(behavior.present[:, position])
                    for writer, part_rows in zip(writers[window], np.array_split(rows, len(files)), strict=True):
                        writer.write_table(_as_table(behavior, part_rows, position, schema))

    def survey_rows(self, block: int) -> list[tuple[str, ...]]:
        """Return the answers of a block's members, sorted by member.

        Some have an unknown label, contradict each other or have no usable day.
        """
        rng, (members, _) = np.random.default_rng([self.seed, 0, block]), self.draw_members(block)
        count = len(members.ids)
        answers = rng.random(count) < ANSWER_SHARE
        unknown = rng.random(count) < UNKNOWN_LABEL_SHARE
        conflicting = rng.random(count) < CONFLICTING_SHARE
        days_after = rng.choice(list(ANSWER_DAY_SHARES), count, p=list(ANSWER_DAY_SHARES.values())).tolist()
        days_taken = rng.integers(2, size=count).tolist()
        other_stages = rng.integers(len(STAGES), size=(count, 2)).tolist()
        by_alias = rng.random((count, 4)) < 0.5
        rows: list[tuple[str, ...]] = []
        for i in np.flatnonzero(answers):
            end = self.labeled_date + timedelta(days=days_after[i])
            start = end - timedelta(days=days_taken[i])
            contradiction = (members.stages[i] + 1) % len(STAGES)
            label, contradicting, *others = (
                ALIASES.get(STAGES[stage], STAGES[stage].value) if alias else STAGES[stage].value
                for stage, alias in zip((members.stages[i], contradiction, *other_stages[i]), by_alias[i], strict=True)
            )
            who_and_when = (str(members.ids[i]), start.isoformat(), end.isoformat())
            rows.append((*who_and_when, UNKNOWN_LABEL if unknown[i] else label, *others))
            if conflicting[i]:
                rows.append((*who_and_when, contradicting, *others))
        return sorted(rows)


def _as_table(behavior: Behavior, rows: Array, position: int, schema: pa.Schema) -> pa.Table:
    columns = []
    for field in schema:
        values = behavior.columns[field.name][rows, position]
        columns.append(pa.array(np.ma.getdata(values), field.type, np.ma.getmaskarray(values)))
    return pa.table(columns, schema)


def main(arguments: list[str] | None = None) -> None:
    """Read the command line and write the data lake."""
    parser = argparse.ArgumentParser(
        description="Write a synthetic data lake and survey. The same arguments produce the same values."
    )
    parser.add_argument("--out", type=Path, required=True, help="the folder to write")
    parser.add_argument(
        "--members", type=int, default=20_000, help="number of distinct members on each day, default 20000"
    )
    parser.add_argument(
        "--snapshot-date",
        type=parse_snapshot_date,
        default=date(2020, 3, 1),
        help="scored day YYYYMMDD, default 20200301",
    )
    parser.add_argument(
        "--labeled-date", type=parse_snapshot_date, help="labeled day YYYYMMDD, default 30 days before the scored day"
    )
    parser.add_argument("--seed", type=int, default=7, help="seed of the random numbers, default 7")
    parser.add_argument("--part-files", type=int, default=2, help="number of Parquet files per partition, default 2")
    options = parser.parse_args(arguments)
    labeled_date = options.labeled_date or options.snapshot_date - timedelta(days=LABELED_DAYS_BEFORE_SNAPSHOT)
    with Progress(transient=True) as progress:
        task = progress.add_task("generating the data lake", total=1)
        generate(
            options.out,
            options.members,
            options.snapshot_date,
            labeled_date,
            options.seed,
            options.part_files,
            on_progress=lambda share: progress.update(task, completed=share),
        )


if __name__ == "__main__":
    try:
        main()
    except InvalidInputError as error:
        sys.exit(f"sample_data: {error}")
