"""Athena's SQL dialect and `CREATE TABLE AS`, which MiniStack passes to DuckDB unchanged.

This module translates a query for DuckDB. As in Athena, a `CREATE TABLE AS` writes the selected rows as Parquet to the
location of the query results and adds a table to the Glue catalog.
"""

import asyncio
import functools
import tempfile
import uuid
from pathlib import Path
from typing import Any

import boto3
import sqlglot
from botocore.exceptions import ClientError
from ministack.services import athena
from sqlglot import exp

from localcloud.jobs.staged_job import endpoint
from localcloud.wrapping import wrap

HIVE_TYPES = {
    "BIGINT": "bigint",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "DOUBLE": "double",
    "INTEGER": "int",
    "VARCHAR": "string",
}
"""Type in DuckDB -> type in Hive. Columns of other types are refused."""


class NotSupportedError(Exception):
    """A statement that Athena runs and the local cloud does not."""


def install() -> None:
    """Translate queries before MiniStack runs them."""
    wrap(athena, "_run_duckdb", _run)
    wrap(athena, "_save_query_results", _save)


async def _run(run_duckdb: Any, query: str, database: str, catalog: str | None = None) -> Any:
    statement = sqlglot.parse_one(query, read="athena")
    if isinstance(statement, exp.Create) and isinstance(statement.expression, exp.Query):
        return await _create_table_as(run_duckdb, statement, database, catalog)
    if not isinstance(statement, exp.Query):
        raise NotSupportedError(f"the local cloud runs queries and CREATE TABLE AS, not {statement.key}")
    return await run_duckdb(statement.sql(dialect="duckdb"), database, catalog)


async def _save(save_query_results: Any, query_id: str) -> None:
    """Save results in the file that the response names; MiniStack uses its name as a folder."""
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
        raise NotSupportedError("CREATE TABLE needs a name and a query")
    _require_plain(statement)
    name, into = table.name, table.db or database
    await asyncio.to_thread(_require_new, into, name)
    query = statement.expression.sql(dialect="duckdb")
    described = await run_duckdb(f"DESCRIBE {query}", database, catalog)
    columns = [{"Name": row[0], "Type": _hive_type(row[0], row[1])} for row in described["rows"]]
    location = f"{await asyncio.to_thread(_results_location)}tables/{uuid.uuid4()}/"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "part-00000.parquet"
        await run_duckdb(f"COPY ({query}) TO '{file}' (FORMAT parquet)", database, catalog)
        bucket, _, key = location.removeprefix("s3://").partition("/")
        await asyncio.to_thread(_client("s3").upload_file, str(file), bucket, key + file.name)
    table_input = _table_input(name, location, columns)
    await asyncio.to_thread(functools.partial(_client("glue").create_table, DatabaseName=into, TableInput=table_input))
    return {"columns": [], "rows": [], "column_types": []}


def _client(service: str) -> Any:
    return boto3.client(service, endpoint_url=endpoint())  # type: ignore[call-overload]


def _require_new(database: str, table: str) -> None:
    glue = _client("glue")
    try:
        glue.get_database(Name=database)
    except ClientError as error:
        raise NotSupportedError(f"database {database} does not exist") from error
    try:
        glue.get_table(DatabaseName=database, Name=table)
    except ClientError:
        return
    raise NotSupportedError(f"table {database}.{table} already exists")


def _require_plain(statement: exp.Create) -> None:
    """Refuse what the local cloud would ignore: formats other than Parquet, partitions, locations, views."""
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
        raise NotSupportedError(f"the local cloud's CREATE TABLE AS writes Parquet, without {', '.join(unknown)}")


def _results_location() -> str:
    """Return the only location that a workgroup has for its results."""
    client = _client("athena")
    names = [group["Name"] for group in client.list_work_groups()["WorkGroups"]]
    groups = [client.get_work_group(WorkGroup=name)["WorkGroup"] for name in names]
    results = [group.get("Configuration", {}).get("ResultConfiguration", {}) for group in groups]
    locations = {result["OutputLocation"] for result in results if result.get("OutputLocation")}
    if len(locations) != 1:
        raise NotSupportedError(f"the local cloud needs one workgroup with a result location, not {len(locations)}")
    return str(locations.pop())


def _hive_type(column: str, duckdb_type: str) -> str:
    if duckdb_type not in HIVE_TYPES:
        raise NotSupportedError(f"column {column}: the local cloud does not write {duckdb_type}")
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
