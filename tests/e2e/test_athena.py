"""The labeled set that Athena's `CREATE TABLE AS` creates equals the labeled set that the pipeline trains on."""

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any

import awswrangler as wr
import boto3
import pytest

from buyer_stage.domain.datalake import partition_prefix
from buyer_stage.domain.errors import DataLakeError
from buyer_stage.domain.features import MODEL_FEATURES
from buyer_stage.domain.labeled_set import SPLIT_FILE_COLUMNS, SPLIT_SHARES
from buyer_stage.domain.s3_layout import LABELED_SET_MANIFEST_KEY, with_members_prefix
from buyer_stage.domain.windows import Window
from tests.local_stack import LABELED_DATE, FirstRuns, Stack
from tools.labeled_set import create_labeled_set
from tools.repository import REPOSITORY

SQL = REPOSITORY / "sql"
DATABASE, WORKGROUP = "buyer_stage_local", "buyer-stage-local"
TABLE, DUPLICATES_TABLE = "labeled_set_of_a_test", "labeled_set_with_duplicates"

Rows = dict[tuple[str, str], tuple[tuple[float, ...], str]]
"""Member and snapshot date -> features and stage."""


@pytest.fixture(scope="module")
def outcomes(stack: Stack, first_runs: FirstRuns) -> Iterator[dict[str, int]]:
    """Rows per outcome in the table of the labeled set."""
    wr.config.athena_query_wait_polling_delay = 0.1
    yield create_labeled_set(DATABASE, WORKGROUP, TABLE)
    wr.catalog.delete_table_if_exists(database=DATABASE, table=TABLE)
    wr.config.reset("athena_query_wait_polling_delay")


@pytest.fixture
def duplicate_member(stack: Stack) -> Iterator[None]:
    """A labeled snapshot with every row of one file twice."""
    s3, bucket = boto3.client("s3"), stack.deployment.datalake_bucket
    prefix = partition_prefix(Window.T007, LABELED_DATE)
    key = s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"][0]["Key"]
    copy = f"{prefix}/copy.parquet"
    s3.copy_object(Bucket=bucket, Key=copy, CopySource={"Bucket": bucket, "Key": key})
    yield
    s3.delete_object(Bucket=bucket, Key=copy)


def rows_of_the_pipeline(stack: Stack) -> Rows:
    s3 = boto3.client("s3")
    texts = [
        s3.get_object(Bucket=stack.deployment.pipeline_bucket, Key=key)["Body"].read().decode()
        for split in SPLIT_SHARES
        for key in stack.keys(with_members_prefix(split))
    ]
    rows = [row for text in texts for row in csv.DictReader(io.StringIO(text))]
    found = {(row["member_id"], row["snapshot_date"]): features_and_stage(row) for row in rows}
    assert len(found) == len(rows) > 0
    return found


def rows_of_the_table() -> Rows:
    frame = wr.athena.read_sql_query(
        f"SELECT {', '.join(SPLIT_FILE_COLUMNS)} FROM {TABLE} WHERE outcome = 'labeled'",
        database=DATABASE,
        workgroup=WORKGROUP,
        ctas_approach=False,
    )
    rows = frame.to_dict("records")
    return {(row["member_id"], str(row["snapshot_date"])): features_and_stage(row) for row in rows}


def features_and_stage(row: Mapping[Any, Any]) -> tuple[tuple[float, ...], str]:
    return tuple(float(row[name]) for name in MODEL_FEATURES), row["buyer_stage"]


def test_the_table_has_the_rows_that_the_pipeline_trains_on(stack: Stack, outcomes: dict[str, int]) -> None:
    expected, found = rows_of_the_pipeline(stack), rows_of_the_table()
    assert found == expected
    manifest = stack.document(LABELED_SET_MANIFEST_KEY)
    assert outcomes == {
        "labeled": len(expected),
        "after the answer": manifest["rows_after_answer"],
        "unknown label": manifest["rows_with_unknown_label"],
        "conflicting answers": manifest["rows_with_conflicting_answers"],
    }


def test_a_table_that_is_created_again_moves_to_a_new_folder_of_the_workgroup(
    stack: Stack, outcomes: dict[str, int]
) -> None:
    def location() -> str:
        return str(
            boto3.client("glue").get_table(DatabaseName=DATABASE, Name=TABLE)["Table"]["StorageDescriptor"]["Location"]
        )

    first = location()
    assert first.startswith(f"s3://{stack.deployment.pipeline_bucket}/athena-results/tables/")
    assert create_labeled_set(DATABASE, WORKGROUP, TABLE) == outcomes
    assert location() != first


@pytest.mark.usefixtures("duplicate_member")
def test_a_duplicate_member_in_a_snapshot_leaves_no_table(stack: Stack, outcomes: dict[str, int]) -> None:
    with pytest.raises(DataLakeError, match="more than once in a snapshot"):
        create_labeled_set(DATABASE, WORKGROUP, DUPLICATES_TABLE)
    assert not wr.catalog.does_table_exist(database=DATABASE, table=DUPLICATES_TABLE)


def run_statement(statement: str) -> None:
    wr.athena.start_query_execution(statement, database=DATABASE, workgroup=WORKGROUP, wait=True)


def test_a_dropped_table_is_gone(stack: Stack, outcomes: dict[str, int]) -> None:
    run_statement("CREATE TABLE dropped AS SELECT * FROM survey")
    assert wr.catalog.does_table_exist(database=DATABASE, table="dropped")
    run_statement("DROP TABLE dropped")
    assert not wr.catalog.does_table_exist(database=DATABASE, table="dropped")


@pytest.mark.parametrize(
    ("statement", "part"),
    [
        ("INSERT INTO survey SELECT * FROM survey", "insert"),
        ("CREATE VIEW another AS SELECT * FROM survey", "VIEW"),
        ("CREATE TABLE another WITH (format = 'ORC') AS SELECT * FROM survey", "ORC"),
        (
            "CREATE TABLE another WITH (partitioned_by = ARRAY['stage_label_1']) AS SELECT * FROM survey",
            "partitioned_by|PARTITIONED",
        ),
        ("CREATE TABLE another AS SELECT * FROM survey WITH NO DATA", "NO DATA"),
        ("CREATE TABLE another AS SELECT ARRAY[1] AS several FROM survey", "several"),
        ("SELECT * FROM no_such_table", "no_such_table"),
    ],
)
def test_a_statement_that_the_local_cloud_does_not_support_fails_and_leaves_no_table(
    stack: Stack, statement: str, part: str
) -> None:
    with pytest.raises(wr.exceptions.QueryFailed, match=part):
        run_statement(statement)
    assert not wr.catalog.does_table_exist(database=DATABASE, table="another")


def test_athena_offers_the_queries_of_the_repository_by_name(stack: Stack) -> None:
    athena = boto3.client("athena")
    identifiers = athena.list_named_queries(WorkGroup=WORKGROUP)["NamedQueryIds"]
    queries = [athena.get_named_query(NamedQueryId=identifier)["NamedQuery"] for identifier in identifiers]
    assert {(query["Name"], query["Database"], query["QueryString"]) for query in queries} == {
        ("buyer-stage-features", DATABASE, (SQL / "features.sql").read_text()),
        ("buyer-stage-labeled-set", DATABASE, (SQL / "labeled_set.sql").read_text()),
    }
