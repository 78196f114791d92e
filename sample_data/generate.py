"""Writes a synthetic data lake: five tables with a labeled day and a scored day, and the survey.

    python -m sample_data.generate --out DIR [--members 20000] [--snapshot-date 20200301] [--labeled-date 20200131]
        [--seed 7] [--part-files 2]

The same arguments produce the same values. The generator reads no clock.
"""

import argparse
import csv
import sys
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from buyer_stage.domain.datalake import SURVEY_COLUMNS, SURVEY_FILE, partition_prefix
from buyer_stage.domain.errors import InvalidInputError
from buyer_stage.domain.snapshot_date import parse_snapshot_date
from buyer_stage.domain.stages import STAGE_ALIASES, Stage
from buyer_stage.domain.windows import Window
from sample_data.behavior import Behavior, Members, draw_behavior, draw_members
from sample_data.schema import table_schema

MINIMUM_MEMBERS = 20
"""With fewer members, windows would be empty and stages would have no answer."""

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


def generate(out: Path, members: int, snapshot_date: date, labeled_date: date, seed: int, part_files: int = 2) -> None:
    """Write the data lake.

    Args:
        out: the folder to write. Existing partitions and surveys with the same names are replaced.
        members: number of distinct members on each of the two days, at least `MINIMUM_MEMBERS`.
        snapshot_date: the scored day.
        labeled_date: the earlier day, which the answers label.
        seed: seed of the random numbers, 0 or more.
        part_files: number of Parquet files per partition, 1 or more.

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

    arrivals = max(1, round(TURNOVER * members))
    all_members = draw_members(np.random.default_rng(seed), members + arrivals)
    days = {labeled_date: all_members.part(slice(members)), snapshot_date: all_members.part(slice(arrivals, None))}
    for day, members_of_day in days.items():
        # Each day has its own random numbers, so that it stays the same when the other day changes.
        behavior = draw_behavior(np.random.default_rng([seed, day.toordinal()]), members_of_day, day)
        for position, window in enumerate(Window):
            _write_partition(out / partition_prefix(window, day), behavior, position, part_files)
    _write_survey(out / SURVEY_FILE, np.random.default_rng([seed, 0]), all_members, labeled_date)


def _write_partition(folder: Path, behavior: Behavior, position: int, part_files: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.parquet"):
        old.unlink()
    rows = np.flatnonzero(behavior.present[:, position])
    schema = table_schema()
    columns = []
    for field in schema:
        values = behavior.columns[field.name][rows, position]
        columns.append(pa.array(np.ma.getdata(values), field.type, np.ma.getmaskarray(values)))
    table = pa.table(columns, schema)
    for number, part_rows in enumerate(np.array_split(np.arange(len(rows)), part_files)):
        # Statistics and Arrow's own schema would take half of a small file.
        pq.write_table(
            table.take(part_rows),
            folder / f"part-{number:05d}.parquet",
            compression="snappy",
            write_statistics=False,
            store_schema=False,
        )


def _write_survey(path: Path, rng: np.random.Generator, members: Members, labeled_date: date) -> None:
    """Write the answers, sorted by member. Some have an unknown label, contradict each other or have no usable day."""
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
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(SURVEY_COLUMNS)
        writer.writerows(sorted(rows))


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
    generate(options.out, options.members, options.snapshot_date, labeled_date, options.seed, options.part_files)


if __name__ == "__main__":
    try:
        main()
    except InvalidInputError as error:
        sys.exit(f"sample_data: {error}")
