"""The whole pipeline on the local cloud at small size, and how it fails."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from rich.console import Console

from buyer_stage import s3_layout
from buyer_stage.datalake import table_name, table_prefix
from buyer_stage.stages import Stage
from buyer_stage.windows import Window
from emr_steps.arguments import STEPS
from localcloud import cloud as local_cloud
from localcloud.data_lake import count_distinct_members
from localcloud.deployment import Deployment, deploy, upload_data_lake
from sample_data.generate import generate
from tools.execution import ExecutionRecord, run

MEMBERS = 300
SNAPSHOT_DATE = date(2026, 5, 20)
LABELLED_DATE = date(2026, 4, 20)
SNAPSHOT_INPUT = {"snapshot_date": "20260520"}


@dataclass(frozen=True)
class Stack:
    """A deployed local cloud and its data lake."""

    deployment: Deployment
    data_lake: Path

    def run_etl(self, **more: Any) -> ExecutionRecord:
        return run(self.deployment.etl_state_machine_arn, {**SNAPSHOT_INPUT, **more}, Console(quiet=True))

    def run_ml(self, **more: Any) -> ExecutionRecord:
        return run(self.deployment.ml_state_machine_arn, {**SNAPSHOT_INPUT, **more}, Console(quiet=True))

    def items(self) -> dict[str, dict[str, Any]]:
        pages = (
            boto3.resource("dynamodb").meta.client.get_paginator("scan").paginate(TableName=self.deployment.table_name)
        )
        return {item["member_id"]: item for page in pages for item in page["Items"]}

    def keys(self, prefix: str) -> list[str]:
        listed = boto3.client("s3").list_objects_v2(Bucket=self.deployment.pipeline_bucket, Prefix=prefix)
        return [found["Key"] for found in listed.get("Contents", [])]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("local_cloud")
    generate(folder / "lake", MEMBERS, SNAPSHOT_DATE, LABELLED_DATE, 7)
    with local_cloud.running(folder / "cloud"):
        deployment = deploy(folder)
        upload_data_lake(folder / "lake", deployment.datalake_bucket)
        yield Stack(deployment, folder / "lake")


@pytest.fixture(scope="module")
def first_run(stack: Stack) -> dict[str, ExecutionRecord]:
    return {"etl": stack.run_etl(steps_to_run=list(STEPS)), "ml": stack.run_ml()}


def visited(record: ExecutionRecord) -> list[str]:
    return [visit.name for visit in record.visits]


def running_clusters() -> list[Any]:
    states = ["STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING", "TERMINATING"]
    return boto3.client("emr").list_clusters(ClusterStates=states)["Clusters"]


def test_the_first_run_trains_scores_and_serves_every_member(
    stack: Stack, first_run: dict[str, ExecutionRecord]
) -> None:
    assert [record.status for record in first_run.values()] == ["SUCCEEDED", "SUCCEEDED"]
    assert "CreateAndSaveModel" in visited(first_run["ml"])
    items = stack.items()
    assert len(items) == count_distinct_members(stack.data_lake, SNAPSHOT_DATE)
    for item in items.values():
        assert Stage(item["value"])
        assert item["confidence"] == max(item["probabilities"].values())
        assert sum(item["probabilities"].values()) == pytest.approx(1, abs=1e-3)
        assert item["snapshot_date"] == "2026-05-20"
        assert item["model_version"].startswith("buyer-stage-automl-")
        assert item["ttl"] > 0
    assert running_clusters() == []
    assert stack.deployment.notifications() == []


def test_a_second_run_finds_the_model_and_changes_nothing_but_the_ttl(
    stack: Stack, first_run: dict[str, ExecutionRecord]
) -> None:
    before = stack.items()
    record = stack.run_ml()
    assert record.status == "SUCCEEDED"
    assert "StartAutoML" not in visited(record)
    after = stack.items()
    assert [{**item, "ttl": 0} for item in after.values()] == [{**before[member], "ttl": 0} for member in after]
    assert all(item["ttl"] > before[member]["ttl"] for member, item in after.items())


def test_a_damaged_model_pointer_fails_the_execution_by_its_own_name(
    stack: Stack, first_run: dict[str, ExecutionRecord]
) -> None:
    s3, bucket = boto3.client("s3"), stack.deployment.pipeline_bucket
    pointer = s3.get_object(Bucket=bucket, Key=s3_layout.MODEL_POINTER_KEY)["Body"].read()
    s3.put_object(Bucket=bucket, Key=s3_layout.MODEL_POINTER_KEY, Body=b"{")
    record = stack.run_ml()
    s3.put_object(Bucket=bucket, Key=s3_layout.MODEL_POINTER_KEY, Body=pointer)
    assert (record.status, record.error) == ("FAILED", "InvalidManifestError")
    assert visited(record).count("CheckModelAvailability") == 1
    (notification,) = stack.deployment.notifications()
    assert f"{s3_layout.MODEL_POINTER_KEY} is damaged" in notification["Message"]


def test_what_the_local_cloud_does_not_know_is_an_error_and_no_success(stack: Stack) -> None:
    with pytest.raises(ClientError, match="no SageMaker operation ListModels"):
        boto3.client("sagemaker").list_models()
    emr = boto3.client("emr")
    cluster = emr.run_job_flow(Name="other", Instances={"KeepJobFlowAliveWhenNoSteps": True})["JobFlowId"]
    hive = {"Name": "hive", "HadoopJarStep": {"Jar": "command-runner.jar", "Args": ["hive-script"]}}
    (step,) = emr.add_job_flow_steps(JobFlowId=cluster, Steps=[hive])["StepIds"]
    status = emr.describe_step(ClusterId=cluster, StepId=step)["Step"]["Status"]
    emr.terminate_job_flows(JobFlowIds=[cluster])
    assert status["State"] == "FAILED"
    assert "hive-script" in status["FailureDetails"]["Message"]


def test_missing_data_is_notified_and_fails_the_execution(stack: Stack) -> None:
    record = stack.run_ml(snapshot_date="20260401")
    assert (record.status, record.error) == ("FAILED", "DailyDataMissing")
    (notification,) = stack.deployment.notifications()
    assert "20260401" in notification["Message"]
    assert record.arn in notification["Message"]


def test_an_impossible_snapshot_date_fails_before_anything_starts(stack: Stack) -> None:
    record = stack.run_etl(snapshot_date="2026-05-20")
    assert (record.status, record.error) == ("FAILED", "InvalidInputError")
    assert "CreateCluster" not in visited(record)
    assert len(stack.deployment.notifications()) == 1


def test_a_deleted_table_fails_the_etl_names_the_table_and_leaves_nothing(stack: Stack) -> None:
    s3 = boto3.client("s3")
    lake = stack.deployment.datalake_bucket
    for found in s3.list_objects_v2(Bucket=lake, Prefix=table_prefix(Window.T030))["Contents"]:
        s3.delete_object(Bucket=lake, Key=found["Key"])
    record = stack.run_etl()
    assert record.status == "FAILED"
    assert "TerminateCluster" in visited(record)
    (notification,) = stack.deployment.notifications()
    assert table_name(Window.T030) in notification["Message"]
    assert running_clusters() == []
    assert stack.keys(s3_layout.features_prefix(SNAPSHOT_DATE)) == []


def test_the_receipt_accounts_for_every_record(stack: Stack, first_run: dict[str, ExecutionRecord]) -> None:
    run_name = first_run["ml"].output["upload"]["run_name"]
    body = boto3.client("s3").get_object(
        Bucket=stack.deployment.pipeline_bucket, Key=s3_layout.push_receipt_key(SNAPSHOT_DATE, run_name)
    )["Body"]
    receipt = json.loads(body.read())
    assert receipt["read"] == receipt["written"] == count_distinct_members(stack.data_lake, SNAPSHOT_DATE)
    assert receipt["quarantined"] == receipt["failed"] == 0
