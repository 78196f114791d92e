"""Athena's dialect and its `CREATE TABLE AS`, which MiniStack hands to DuckDB as they are and forgets.

A query is translated for DuckDB. What a `CREATE TABLE AS` selects becomes a Parquet file in the folder of the query's
results and a table of the Glue catalog, as in Athena.
"""

import asyncio
import functools
import tempfile
import uuid
from pathlib import Path
from typing import Any

import sqlglot
from ministack.services import athena, glue
from sqlglot import exp

from localcloud.jobs.staged_job import s3_client

HIVE_TYPES = {
    "BIGINT": "bigint",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "DOUBLE": "double",
    "INTEGER": "int",
    "VARCHAR": "string",
}
"""DuckDB's type -> Hive's; a query that gives another is refused."""


class NotSupportedError(Exception):
    """A statement that Athena would run and this cannot."""


def install() -> None:
    """Translate before MiniStack runs a query."""
    athena._run_duckdb = functools.partial(_run, athena._run_duckdb)
    athena._save_query_results = functools.partial(_save, athena._save_query_results)


async def _run(run_duckdb: Any, query: str, database: str, catalog: str | None = None) -> Any:
    statement = sqlglot.parse_one(query, read="athena")
    if isinstance(statement, exp.Create) and isinstance(statement.expression, exp.Query):
        return await _create_table_as(run_duckdb, statement, database, catalog)
    if not isinstance(statement, exp.Query):
        raise NotSupportedError(f"the local cloud's Athena runs queries and CREATE TABLE AS, not {statement.key}")
    return await run_duckdb(statement.sql(dialect="duckdb"), database, catalog)


async def _save(save_query_results: Any, query_id: str) -> None:
    """MiniStack takes the result's file for a folder, and nobody finds the result where it is said to be."""
    configuration = athena._executions[query_id]["ResultConfiguration"]
    file = configuration["OutputLocation"]
    configuration["OutputLocation"] = file.rpartition("/")[0]
    try:
        await save_query_results(query_id)
    finally:
        configuration["OutputLocation"] = file


async def _create_table_as(run_duckdb: Any, statement: exp.Create, database: str, catalog: str | None) -> Any:
    table = statement.find(exp.Table)
    if table is None or not isinstance(statement.expression, exp.Query):
        raise NotSupportedError("CREATE TABLE without a name or without a query")
    _require_plain(statement)
    name, into = table.name, table.db or database
    if into not in glue._databases:
        raise NotSupportedError(f"database {into} does not exist")
    if f"{into}/{name}" in glue._tables:
        raise NotSupportedError(f"table {into}.{name} already exists")
    query = statement.expression.sql(dialect="duckdb")
    described = await run_duckdb(f"DESCRIBE {query}", database, catalog)
    columns = [{"Name": row[0], "Type": _hive_type(row[0], row[1])} for row in described["rows"]]
    location = f"{_results_location()}tables/{uuid.uuid4()}/"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "part-00000.parquet"
        await run_duckdb(f"COPY ({query}) TO '{file}' (FORMAT parquet)", database, catalog)
        bucket, _, key = location.removeprefix("s3://").partition("/")
        await asyncio.to_thread(s3_client().upload_file, str(file), bucket, key + file.name)
    glue._create_table({"DatabaseName": into, "TableInput": _table_input(name, location, columns)})
    return {"columns": [], "rows": [], "column_types": []}


def _require_plain(statement: exp.Create) -> None:
    """Refuse what would be left out in silence: another format than Parquet, partitions, a location, a view."""
    properties = statement.args["properties"].expressions if statement.args.get("properties") else []
    unknown = [
        part.sql(dialect="athena")
        for part in properties
        if not (isinstance(part, exp.FileFormatProperty) and part.name.upper() == "PARQUET")
    ]
    known = ("this", "kind", "expression", "properties")
    unknown += [name for name, value in statement.args.items() if value and name not in known]
    if statement.kind != "TABLE":
        unknown.append(str(statement.kind))
    if unknown:
        raise NotSupportedError(f"the local cloud's CREATE TABLE AS writes Parquet; it has no {', '.join(unknown)}")


def _results_location() -> str:
    """Where the workgroup that the product has keeps its results; it allows no other place."""
    locations = {
        group["Configuration"]["ResultConfiguration"]["OutputLocation"]
        for group in athena._workgroups.values()
        if group["Configuration"].get("ResultConfiguration", {}).get("OutputLocation")
    }
    if len(locations) != 1:
        raise NotSupportedError(f"the local cloud needs one workgroup with a place for results, not {len(locations)}")
    return str(locations.pop())


def _hive_type(column: str, duckdb_type: str) -> str:
    if duckdb_type not in HIVE_TYPES:
        raise NotSupportedError(f"column {column}: the local cloud writes no {duckdb_type}")
    return HIVE_TYPES[duckdb_type]


def _table_input(name: str, location: str, columns: list[dict[str, str]]) -> dict[str, Any]:
    parquet = "org.apache.hadoop.hive.ql.io.parquet"
    return {
        "Name": name,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"EXTERNAL": "TRUE", "classification": "parquet"},
        "PartitionKeys": [],
        "StorageDescriptor": {
            "Columns": columns,
            "Location": location,
            "InputFormat": f"{parquet}.MapredParquetInputFormat",
            "OutputFormat": f"{parquet}.MapredParquetOutputFormat",
            "SerdeInfo": {"SerializationLibrary": f"{parquet}.serde.ParquetHiveSerDe"},
        },
    }
