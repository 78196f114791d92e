"""No failure, and no success, leaves a member id where people or services read texts.

Every path that reads members fails once on a local cloud. Then everything that the local cloud has kept is searched.
"""

import contextlib
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from buyer_stage.domain import s3_layout
from buyer_stage.domain.datalake import SURVEY_KEY, partition_prefix
from buyer_stage.domain.windows import Window
from emr_steps.arguments import STEPS
from tests.local_stack import MEMBERS, PUSH_JOB, SNAPSHOT_DATE, Stack, deployed_stack, pointed_at
from tools.execution import Execution

MARK = re.compile(r"m[0-9a-f]{24}")
"""The ids of generated members, which nothing else looks like."""

HOLDS_MEMBERS = re.compile(
    r"inputs/.*/part-|etl_pipeline_test/|\w+/with-members/|train/members\.json|inference-results/|quarantine/"
    r"|(served-items|stage-changes)/.*/part-"
)
"""Keys of the pipeline bucket whose objects consist of members."""

MEMBER_ID = "member_id"


@dataclass
class Case:
    """A failing execution and what its notification says."""

    execution: Execution
    error: str
    said: str


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A local cloud of its own: the tests damage everything on it."""
    with deployed_stack(tmp_path_factory.mktemp("marked")) as stack, pointed_at(stack.cloud):
        yield stack


@contextlib.contextmanager
def changed(bucket: str, key: str, body: bytes | str) -> Iterator[None]:
    """Replace an object, and restore it."""
    s3 = boto3.client("s3")
    before = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    s3.put_object(Bucket=bucket, Key=key, Body=body)
    yield
    s3.put_object(Bucket=bucket, Key=key, Body=before)


def read(bucket: str, key: str) -> bytes:
    return boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()


def parquet(table: pa.Table) -> bytes:
    output = io.BytesIO()
    pq.write_table(table, output)
    return output.getvalue()


@pytest.fixture(scope="module")
def cases(stack: Stack) -> list[Case]:
    """Successful executions, and in between one that fails for each reason."""
    etl, ml = stack.run_etl(steps_to_run=list(STEPS)), stack.run_ml()
    assert [etl.status, ml.status] == ["SUCCEEDED", "SUCCEEDED"]
    # Last: a step that refuses the data lake has deleted the features.
    failed = [*fail_training(stack), *fail_serving(stack, ml), *fail_etl(stack), *fail_reading_the_data_lake(stack)]
    assert stack.run_etl().status == "SUCCEEDED"
    return failed


def fail_reading_the_data_lake(stack: Stack) -> Iterator[Case]:
    lake, steps = stack.deployment.datalake_bucket, ["process_features"]
    prefix = partition_prefix(Window.T007, SNAPSHOT_DATE)
    key = boto3.client("s3").list_objects_v2(Bucket=lake, Prefix=prefix)["Contents"][0]["Key"]
    good = read(lake, key)
    table = pq.read_table(io.BytesIO(good))
    first = table[MEMBER_ID][0].as_py()
    column = table.schema.get_field_index(MEMBER_ID)
    ids = [f"{first}\nERROR no manifest for {first}", *table[MEMBER_ID].to_pylist()[1:]]
    for body, said in (
        (parquet(pa.concat_tables([table, table.slice(0, 1)])), "members that occur more than once: 1"),
        (parquet(table.set_column(column, table.schema.field(column), pa.array(ids))), "control character"),
        (good[:4] + bytes(396) + good[400:], "cannot read"),
    ):
        with changed(lake, key, body):
            yield Case(stack.run_etl(steps_to_run=steps), "States.TaskFailed", said)


def fail_training(stack: Stack) -> Iterator[Case]:
    bucket, members = stack.deployment.pipeline_bucket, s3_layout.ASSIGNED_SPLITS_KEY
    assigned = json.loads(read(bucket, members))
    with changed(bucket, members, json.dumps(dict.fromkeys(assigned, 1))):
        yield Case(stack.run_ml(retrain=True), "InvalidManifestError", "*: Input should be a valid string (")
    with changed(bucket, members, json.dumps(dict.fromkeys(assigned, "test"))):
        yield Case(stack.run_ml(retrain=True), "LabeledSetError", "outside their assigned split: ")
    (key,) = stack.keys(s3_layout.with_members_prefix("train"))
    body = read(bucket, key)
    with changed(bucket, key, body + body.splitlines()[1][:40] + b"\xff\n"):
        yield Case(stack.run_ml(retrain=True), "UnexpectedError", "UnicodeDecodeError in lambdas.")


def fail_serving(stack: Stack, done: Execution) -> Iterator[Case]:
    bucket, s3 = stack.deployment.pipeline_bucket, boto3.client("s3")
    results = s3_layout.inference_results_prefix(SNAPSHOT_DATE, done.output["transform"]["transform_job_name"])
    output = stack.keys(results)[0]
    first, *others = read(bucket, output).splitlines(keepends=True)
    member = first.split(b",")[0]
    with changed(bucket, output, b"".join([first.replace(member, member + b"," + member), *others[1:]])):
        yield Case(stack.run_ml(serve_anyway="Push again"), "ScoredLinesLostError", "1 quarantined, 0 failed")
    state = stack.document(s3_layout.CURRENT_PUBLICATION_KEY)["state"]["folder"]
    with changed(bucket, next(key for key in stack.keys(state) if "/part-" in key), first):
        yield Case(stack.run_ml(serve_anyway="And again"), "JobFailedError", "UnexpectedError: ")
    s3.delete_object(Bucket=bucket, Key=s3_layout.CURRENT_PUBLICATION_KEY)  # so that every item is written
    boto3.client("dynamodb").update_table(TableName=stack.deployment.table_name, DeletionProtectionEnabled=False)
    boto3.client("dynamodb").delete_table(TableName=stack.deployment.table_name)
    yield Case(stack.run_ml(), "ScoredLinesLostError", "BatchWriteItem: ResourceNotFoundException")


def fail_etl(stack: Stack) -> Iterator[Case]:
    bucket, lake = stack.deployment.pipeline_bucket, stack.deployment.datalake_bucket
    part = next(key for key in stack.keys(s3_layout.features_prefix(SNAPSHOT_DATE)) if "/part-" in key)
    body = read(bucket, part)
    member = body.split(b",")[0]
    for damaged in (
        body.replace(b"\n", b"," + member + b"\n", 1),  # a damaged line
        body.replace(member + b",5,", member + b",6,", 1),  # another month
    ):
        with changed(bucket, part, damaged):
            said = f"1 of {MEMBERS} members differ from the SQL definition"
            yield Case(stack.run_etl(steps_to_run=["validate_features"]), "States.TaskFailed", said)
    header, answer, *_ = read(lake, SURVEY_KEY).splitlines(keepends=True)
    with changed(lake, SURVEY_KEY, header + b"Mr," + answer):
        yield Case(stack.run_etl(steps_to_run=["build_training_data"]), "States.TaskFailed", "line 2 of the survey")
    with changed(bucket, s3_layout.ASSIGNED_SPLITS_KEY, b'{"' + member + b'": "train",'):
        yield Case(stack.run_etl(steps_to_run=["build_training_data"]), "States.TaskFailed", "JSONDecodeError in emr_")


@pytest.fixture(scope="module")
def texts(stack: Stack, cases: list[Case]) -> dict[str, list[str]]:
    """Everything that the local cloud has kept, by kind."""
    logs, states, glue = boto3.client("logs"), boto3.client("stepfunctions"), boto3.client("glue")
    sqs, emr, bucket = boto3.client("sqs"), boto3.client("emr"), stack.deployment.pipeline_bucket
    inbox = stack.deployment.inbox_url
    executions = [
        execution["executionArn"]
        for alias in (stack.deployment.etl_state_machine_arn, stack.deployment.ml_state_machine_arn)
        for execution in states.list_executions(stateMachineArn=alias.rpartition(":")[0])["executions"]
    ]
    groups = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
    queues = [url for url in sqs.list_queues().get("QueueUrls", []) if url != inbox]
    clusters = [cluster["Id"] for cluster in emr.list_clusters()["Clusters"]]
    keys = [each["Key"] for page in pages("s3", "list_objects_v2", Bucket=bucket) for each in page.get("Contents", [])]
    return {
        "notifications": [json.dumps(each) for each in stack.deployment.notifications()],
        "function logs": [
            event["message"]
            for group in groups
            for page in pages("logs", "filter_log_events", logGroupName=group)
            for event in page["events"]
        ],
        "job logs": [file.read_text(errors="replace") for file in Path(stack.cloud.work_folder, "logs").iterdir()],
        "histories": [
            json.dumps(page["events"], default=str)
            for arn in executions
            for page in pages("stepfunctions", "get_execution_history", executionArn=arn)
        ],
        "Glue runs": [json.dumps(run, default=str) for run in glue.get_job_runs(JobName=PUSH_JOB)["JobRuns"]],
        "EMR steps": [json.dumps(emr.list_steps(ClusterId=each)["Steps"], default=str) for each in clusters],
        "documents": [
            read(bucket, key).decode(errors="replace") for key in keys if not HOLDS_MEMBERS.match(key)
        ],
        "dead letters": [json.dumps(sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)) for url in queues],
        "names of objects": keys,
    }  # fmt: skip


def pages(service: str, operation: str, **request: Any) -> Any:
    client: Any = boto3.client(service)  # type: ignore[call-overload]
    return client.get_paginator(operation).paginate(**request)


@pytest.mark.matrix
def test_every_failure_says_what_is_wrong(cases: list[Case], texts: dict[str, list[str]]) -> None:
    messages = [json.loads(each)["Message"] for each in texts["notifications"]]
    for case in cases:
        (message,) = [each for each in messages if case.execution.arn in each]
        assert (case.execution.status, case.execution.error) == ("FAILED", case.error), message
        assert case.said in message


@pytest.mark.matrix
def test_nothing_that_the_local_cloud_keeps_names_a_member(texts: dict[str, list[str]]) -> None:
    found = {kind: [text for text in kept if MARK.search(text)] for kind, kept in texts.items()}
    assert {kind: named[:3] for kind, named in found.items() if named} == {}
    assert {kind for kind, kept in texts.items() if not any(kept)} == set()
    searched = {key.partition("/")[0] for key in texts["names of objects"] if not HOLDS_MEMBERS.match(key)}
    assert searched >= {"best-model", "drift-reports", "inputs", "push-receipts", "train", "validation", "test"}


@pytest.mark.matrix
def test_the_search_finds_the_members_where_they_belong(stack: Stack, texts: dict[str, list[str]]) -> None:
    bucket = stack.deployment.pipeline_bucket
    kinds = {key.partition("/")[0] for key in texts["names of objects"] if HOLDS_MEMBERS.match(key)}
    named = {
        key.partition("/")[0]
        for key in texts["names of objects"]
        if HOLDS_MEMBERS.match(key) and MARK.search(read(bucket, key).decode(errors="replace"))
    }
    assert named == kinds != set()
