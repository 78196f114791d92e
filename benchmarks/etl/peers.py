"""The features as DuckDB and polars compute them, and the comparison of what all engines wrote.

    .venv-benchmark/bin/python -m benchmarks.etl.peers duckdb|polars --datalake DIR --out DIR
    .venv-benchmark/bin/python -m benchmarks.etl.peers compare DIR...

Runs in an environment of its own: the product does without these engines.
"""

import argparse
import sys
from functools import reduce
from pathlib import Path

import duckdb
import polars as pl
import sqlglot

from benchmarks.etl import SNAPSHOT
from buyer_stage.domain.datalake import PARTITION_COLUMN, partition_prefix, table_name, table_prefix
from buyer_stage.domain.features import (
    CALENDAR_COLUMNS,
    MAXIMUM_DWELL_SECONDS,
    MEMBER_ID,
    OUTPUT_COLUMNS,
    SOURCE_COLUMNS,
    HiveType,
    Rule,
    SourceColumn,
)
from buyer_stage.domain.queries import fill_feature_query
from buyer_stage.domain.windows import Window
from tools.repository import REPOSITORY


def duckdb_features(datalake: Path, out: Path) -> None:
    """Write the features with the SQL definition on DuckDB, one file per thread."""
    query = fill_feature_query((REPOSITORY / "sql/features.sql").read_text(), [SNAPSHOT])
    for window in Window:
        files = datalake / table_prefix(window) / "*/*.parquet"
        duckdb.sql(
            f"CREATE VIEW {table_name(window)} AS FROM read_parquet('{files}', "
            f"hive_partitioning = true, hive_types = {{'{PARTITION_COLUMN}': VARCHAR}})"
        )
    select = sqlglot.transpile(query, read="athena", write="duckdb")[0]
    duckdb.sql(
        f"COPY (SELECT * EXCLUDE snapshot_date FROM ({select})) TO '{out}' "  # noqa: S608
        "(FORMAT csv, HEADER false, PER_THREAD_OUTPUT, FILENAME_PATTERN 'part-{i}')"
    )


def polars_features(datalake: Path, out: Path) -> None:
    """Write the features with lazy full joins of polars, as one file."""
    frames = []
    for window in Window:
        scanned = pl.scan_parquet(datalake / partition_prefix(window, SNAPSHOT) / "*.parquet", hive_partitioning=False)
        columns = [column for source in SOURCE_COLUMNS for column in _polars_columns(source, window)]
        frames.append(scanned.select(MEMBER_ID, *columns))
    joined = reduce(lambda left, right: left.join(right, on=MEMBER_ID, how="full", coalesce=True), frames)
    calendar = (SNAPSHOT.month, SNAPSHOT.day, SNAPSHOT.isoweekday())
    days = [pl.lit(value).alias(name) for name, value in zip(CALENDAR_COLUMNS, calendar, strict=True)]
    out.mkdir()
    joined.select(MEMBER_ID, *days, pl.exclude(MEMBER_ID).fill_null(0)).sink_csv(
        out / "part-0.csv", include_header=False
    )


def _polars_columns(source: SourceColumn, window: Window) -> list[pl.Expr]:
    value, names = pl.col(source.name), source.feature_names(window)
    if source.rule is Rule.ONE_HOT:
        trimmed = value.str.strip_chars()
        return [(trimmed == known).cast(pl.Int64).alias(name) for known, name in zip(source.values, names, strict=True)]
    if source.hive_type is HiveType.DOUBLE:
        value = value.fill_nan(0)
    if source.rule is Rule.DWELL:
        value = value.clip(upper_bound=MAXIMUM_DWELL_SECONDS)
    return [value.alias(names[0])]


def compare(outputs: list[Path]) -> None:
    """Compare the members and every value of all outputs with the first one, as numbers.

    Raises:
        SystemExit: outputs differ.
    """
    doubles = {
        name
        for window in Window
        for source in SOURCE_COLUMNS
        if source.hive_type is HiveType.DOUBLE
        for name in source.feature_names(window)
    }
    types = {name: "DOUBLE" if name in doubles else "BIGINT" for name in OUTPUT_COLUMNS} | {MEMBER_ID: "VARCHAR"}
    for number, folder in enumerate(outputs):
        duckdb.sql(
            f"CREATE TABLE output_{number} AS SELECT {MEMBER_ID}, hash({', '.join(OUTPUT_COLUMNS)}) AS features "  # noqa: S608
            f"FROM read_csv('{folder}/part-*', header = false, auto_detect = false, delim = ',', quote = '\"', "
            f"escape = '\"', columns = {types})"
        )
    for number, folder in enumerate(outputs):
        (differing,) = duckdb.sql(
            f"SELECT count(*) FROM output_0 AS a FULL JOIN output_{number} AS b USING ({MEMBER_ID}) "  # noqa: S608
            "WHERE a.features IS DISTINCT FROM b.features"
        ).fetchall()[0]
        if differing:
            sys.exit(f"{differing} members differ between {outputs[0]} and {folder}")


def main() -> None:
    """Run one engine, or compare outputs; exit with 1 if they differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    for name, engine in (("duckdb", duckdb_features), ("polars", polars_features)):
        command = commands.add_parser(name)
        command.add_argument("--datalake", type=Path, required=True)
        command.add_argument("--out", type=Path, required=True)
        command.set_defaults(run=lambda parsed, engine=engine: engine(parsed.datalake, parsed.out))
    command = commands.add_parser("compare")
    command.add_argument("outputs", type=Path, nargs="+")
    command.set_defaults(run=lambda parsed: compare(parsed.outputs))
    parsed = parser.parse_args()
    parsed.run(parsed)


if __name__ == "__main__":
    main()
