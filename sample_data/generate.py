"""Writes a synthetic data lake: five tables with a labeled day and a scored day, and the survey.

    python -m sample_data.generate --out DIR [--members 20000] [--snapshot-date 20200301] [--labeled-date 20200131]
        [--seed 7] [--part-files 2]

The same arguments produce the same values, on any number of processors. The generator reads no clock. Members are
drawn in blocks, so that the memory does not grow with their number.
"""

import argparse
import csv
import io
import multiprocessing
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rich.progress import track

from buyer_stage.domain.datalake import SURVEY_COLUMNS, SURVEY_FILE, partition_prefix
from buyer_stage.domain.errors import InvalidInputError
from buyer_stage.domain.snapshot_date import parse_snapshot_date
from buyer_stage.domain.stages import STAGE_ALIASES, Stage
from buyer_stage.domain.windows import Window
from sample_data.behavior import Behavior, Members, draw_behavior, draw_members
from sample_data.schema import table_schema

MINIMUM_MEMBERS = 20
"""With fewer members, windows would be empty and stages would have no answer."""

BLOCK_MEMBERS = 20_000
"""Members of a day who are drawn at once. A process takes about 500 MB for a block."""

LOT_BLOCKS = 5
"""Blocks that one process writes to the same files, a row group each."""

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


@dataclass(frozen=True)
class Lake:
    """What is the same for all blocks of a data lake. See `generate`."""

    out: Path
    days: tuple[date, date]
    seed: int
    part_files: int


@dataclass(frozen=True)
class Lot:
    """Blocks that are written to the same files.

    Attributes:
        number: position of the lot.
        block_sizes: block number -> number of members on each day.
    """

    number: int
    block_sizes: dict[int, int]


def generate(out: Path, members: int, snapshot_date: date, labeled_date: date, seed: int, part_files: int = 2) -> None:
    """Write the data lake.

    Args:
        out: the folder to write. Existing partitions and surveys with the same names are replaced.
        members: number of distinct members on each of the two days, at least `MINIMUM_MEMBERS`.
        snapshot_date: the scored day.
        labeled_date: the earlier day, which the answers label.
        seed: seed of the random numbers, 0 or more.
        part_files: number of Parquet files per partition and lot of 100,000 members, 1 or more.

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

    lake = Lake(out, (labeled_date, snapshot_date), seed, part_files)
    for day in lake.days:
        for window in Window:
            folder = out / partition_prefix(window, day)
            folder.mkdir(parents=True, exist_ok=True)
            for old in folder.glob("*.parquet"):
                old.unlink()
    with (out / SURVEY_FILE).open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerow(SURVEY_COLUMNS)
        for answers in _write_lots(lake, _lots(members)):
            file.write(answers)


def _lots(members: int) -> list[Lot]:
    """Divide the members into blocks of almost the same size, and the blocks into lots."""
    count = -(-members // BLOCK_MEMBERS)
    sizes = [members // count + (block < members % count) for block in range(count)]
    blocks = list(enumerate(sizes))
    return [
        Lot(number, dict(blocks[first : first + LOT_BLOCKS]))
        for number, first in enumerate(range(0, count, LOT_BLOCKS))
    ]


def _write_lots(lake: Lake, lots: list[Lot]) -> Iterator[str]:
    """Write the tables' files of all lots, and return the answers of each as lines of CSV."""
    if len(lots) == 1:
        yield _write_lot(lake, lots[0])
        return
    # A forked process would inherit the locks of Arrow's threads.
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as processes:
        written = processes.map(_write_lot, [lake] * len(lots), lots)
        yield from track(written, f"Writing {lake.out}", total=len(lots))


def _write_lot(lake: Lake, lot: Lot) -> str:
    answers = io.StringIO(newline="")
    with ExitStack() as open_files:
        writers: dict[tuple[date, Window], list[pq.ParquetWriter]] = {
            (day, window): [
                open_files.enter_context(_parquet_writer(lake.out / partition_prefix(window, day), number))
                for number in range(lot.number * lake.part_files, (lot.number + 1) * lake.part_files)
            ]
            for day in lake.days
            for window in Window
        }
        for block, size in lot.block_sizes.items():
            arrivals = max(1, round(TURNOVER * size))
            # Members and answers belong to no day: 0.
            members = draw_members(
                np.random.default_rng([lake.seed, 0, block]), size + arrivals, first_number=2 * block * BLOCK_MEMBERS
            )
            for day, positions in zip(lake.days, (slice(size), slice(arrivals, None)), strict=True):
                # Each day has its own random numbers, so that it stays the same when the other day changes.
                rng = np.random.default_rng([lake.seed, day.toordinal(), block])
                behavior = draw_behavior(rng, members.part(positions), day)
                for position, window in enumerate(Window):
                    _write_row_group(writers[day, window], behavior, position)
            rows = _draw_answers(np.random.default_rng([lake.seed, 0, block]), members, lake.days[0])
            csv.writer(answers).writerows(sorted(rows))
    return answers.getvalue()


def _parquet_writer(folder: Path, number: int) -> pq.ParquetWriter:
    # Statistics and Arrow's own schema would take half of a small file.
    return pq.ParquetWriter(
        folder / f"part-{number:05d}.parquet",
        table_schema(),
        compression="snappy",
        write_statistics=False,
        store_schema=False,
    )


def _write_row_group(files: list[pq.ParquetWriter], behavior: Behavior, position: int) -> None:
    rows = np.flatnonzero(behavior.present[:, position])
    schema = table_schema()
    columns = []
    for field in schema:
        values = behavior.columns[field.name][rows, position]
        columns.append(pa.array(np.ma.getdata(values), field.type, np.ma.getmaskarray(values)))
    table = pa.table(columns, schema)
    for file, part_rows in zip(files, np.array_split(np.arange(len(rows)), len(files)), strict=True):
        file.write_table(table.take(part_rows))


def _draw_answers(rng: np.random.Generator, members: Members, labeled_date: date) -> list[tuple[str, ...]]:
    """Draw the survey's rows. Some have an unknown label, contradict each other or have no usable day."""
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
        end = labeled_date + timedelta(days=days_after[i])
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
    return rows


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
    parser.add_argument(
        "--part-files", type=int, default=2, help="Parquet files per partition and 100,000 members, default 2"
    )
    options = parser.parse_args(arguments)
    labeled_date = options.labeled_date or options.snapshot_date - timedelta(days=LABELED_DAYS_BEFORE_SNAPSHOT)
    generate(options.out, options.members, options.snapshot_date, labeled_date, options.seed, options.part_files)


if __name__ == "__main__":
    try:
        main()
    except InvalidInputError as error:
        sys.exit(f"sample_data: {error}")
