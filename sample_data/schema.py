"""The columns of the data lake's tables, from the data lake's contract."""

import csv
from pathlib import Path

import pyarrow as pa

SCHEMA_FILE = Path(__file__).resolve().parent.parent / "sql" / "datalake_schema.csv"
"""The contract. Terraform creates the tables of the Glue catalog from the same file."""

ARROW_TYPES: dict[str, pa.DataType] = {
    "string": pa.string(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "timestamp": pa.timestamp("ms"),
}
"""Hive type -> the Arrow type that Parquet stores."""


def table_schema() -> pa.Schema:
    """Return the 101 columns that the five tables share, in order, without the partition column."""
    with SCHEMA_FILE.open(encoding="utf-8") as lines:
        return pa.schema([(row["column"], ARROW_TYPES[row["hive_type"]]) for row in csv.DictReader(lines)])
