"""A plan after an apply has no changes, and a destroy leaves nothing behind."""

import json
import time
from functools import partial
from pathlib import Path
from typing import Final

import boto3
import pytest
from rich.console import Console

from localcloud.deployment import local_workspace
from tests.local_stack import SNAPSHOT_INPUT, Stack
from tools.destroy import clear_the_way, find_obstacles
from tools.terraform import Workspace

KINDS: Final = {"execution ", "EMR cluster ", "model ", "deletion protection "}
"""How the obstacles begin that the test puts in the way."""


@pytest.fixture
def terraform(stack: Stack) -> Workspace:
    return local_workspace(Path(stack.cloud.work_folder).parent)


def test_plan_after_an_apply_has_no_changes(terraform: Workspace, tmp_path: Path) -> None:
    terraform.plan(tmp_path / "second.tfplan")
    changes = [
        change["address"]
        for change in terraform.describe(tmp_path / "second.tfplan")["resource_changes"]
        if change["change"]["actions"] not in (["no-op"], ["read"])
    ]
    assert changes == []


def deployed() -> set[str]:
    """Return the product's resources in the account, except those of the bootstrap and of the data lake's owner."""
    named = {
        "bucket": [found["Name"] for found in boto3.client("s3").list_buckets()["Buckets"]],
        "table": boto3.client("dynamodb").list_tables()["TableNames"],
        "function": [found["FunctionName"] for found in boto3.client("lambda").list_functions()["Functions"]],
        "role": [found["RoleName"] for found in boto3.client("iam").list_roles()["Roles"]],
        "state machine": [m["name"] for m in boto3.client("stepfunctions").list_state_machines()["stateMachines"]],
        "topic": [found["TopicArn"] for found in boto3.client("sns").list_topics()["Topics"]],
        "queue": boto3.client("sqs").list_queues().get("QueueUrls", []),
        "log group": [g["logGroupName"] for g in boto3.client("logs").describe_log_groups()["logGroups"]],
        "alarm": [a["AlarmName"] for a in boto3.client("cloudwatch").describe_alarms()["MetricAlarms"]],
        "schedule": [found["Name"] for found in boto3.client("scheduler").list_schedules()["Schedules"]],
        "database": [found["Name"] for found in boto3.client("glue").get_databases()["DatabaseList"]],
        "job": [found["Name"] for found in boto3.client("glue").get_jobs()["Jobs"]],
        "secret": [found["Name"] for found in boto3.client("secretsmanager").list_secrets()["SecretList"]],
        "alias": [found["AliasName"] for found in boto3.client("kms").list_aliases()["Aliases"]],
    }
    kept = ("terraform-state", "buyer-stage-code-", "buyer-stage-datalake-", "localcloud-notifications")
    return {
        f"{kind} {name}"
        for kind, names in named.items()
        for name in names
        if ("buyer-stage" in name or "buyer_stage" in name) and not any(part in name for part in kept)
    }


@pytest.mark.last
def test_destroy_leaves_nothing(stack: Stack, terraform: Workspace) -> None:
    assert deployed()
    boto3.client("dynamodb").update_table(TableName=stack.deployment.table_name, DeletionProtectionEnabled=True)
    register_model()
    start_etl_with_a_cluster(stack)
    find = partial(find_obstacles, terraform)
    assert {kind for obstacle in find() for kind in KINDS if kind in obstacle.what} == KINDS

    clear_the_way("local", find, Console(quiet=True), partial(time.sleep, 0.2))

    assert find() == []
    terraform.destroy(approved=True)
    assert deployed() == set()
    assert find() == []


def register_model() -> None:
    container = {"Image": "image", "ModelDataUrl": "s3://bucket/model.tar.gz"}
    specification = {
        "Containers": [container],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    }
    boto3.client("sagemaker").create_model_package(
        ModelPackageGroupName="buyer-stage-local",
        InferenceSpecification=specification,
        CustomerMetadataProperties={"model_version": "in-the-way"},
    )


def start_etl_with_a_cluster(stack: Stack) -> None:
    """Start an ETL that waits after it has created its cluster, and wait until then."""
    version = stack.version_that_holds_after("CreateCluster", stack.deployment.etl_state_machine_arn)
    boto3.client("stepfunctions").start_execution(stateMachineArn=version, input=json.dumps(SNAPSHOT_INPUT))
    while not boto3.client("emr").list_clusters(ClusterStates=["RUNNING", "WAITING"])["Clusters"]:
        time.sleep(0.2)
