"""An execution that is killed at any of its tasks leaves nothing that is paid for twice or keeps the day from success.

Each case has a local cloud of its own, in which nothing is trained yet, with what the ETL of another one has written.
"""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from buyer_stage.domain import s3_layout
from tests.local_stack import (
    HOLD,
    MISSING_SNAPSHOT,
    POLL_SECONDS,
    SNAPSHOT_DATE,
    SNAPSHOT_INPUT,
    FirstRuns,
    Item,
    Stack,
    deployed_stack,
    pointed_at,
)
from tools.state_machines import read

pytestmark = pytest.mark.matrix

TASKS = [name for name, state in read("ml_pipeline")["States"].items() if state["Type"] == "Task"]

ONLY_AFTER_A_FAILURE = "SendSNSNotification"
"""The task that only a failing execution reaches, such as one for a snapshot that does not exist."""

ETL_PREFIXES = (
    s3_layout.features_prefix(SNAPSHOT_DATE),
    *(f"{split}/" for split in s3_layout.CHANNEL_PREFIXES),
)
"""Where the ETL writes."""


@pytest.fixture(scope="module")
def etl_objects(running_stack: Stack, first_runs: FirstRuns) -> dict[str, bytes]:
    """What an undisturbed ETL has written to the pipeline bucket: key -> body."""
    with pointed_at(running_stack.cloud):
        s3, bucket = boto3.client("s3"), running_stack.deployment.pipeline_bucket
        keys = [key for prefix in ETL_PREFIXES for key in running_stack.keys(prefix)]
        return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


@pytest.fixture
def fresh_stack(etl_objects: dict[str, bytes], tmp_path: Path) -> Iterator[Stack]:
    """A local cloud with features and a labeled set, in which no ML execution has run."""
    with deployed_stack(tmp_path) as stack, pointed_at(stack.cloud):
        s3 = boto3.client("s3")
        for key, body in etl_objects.items():
            s3.put_object(Bucket=stack.deployment.pipeline_bucket, Key=key, Body=body)
        yield stack


def kill_after(task: str, stack: Stack) -> None:
    """Start an execution and stop it after a task."""
    client = boto3.client("stepfunctions")
    version = stack.version_that_holds_after(task, stack.deployment.ml_state_machine_arn)
    snapshot = MISSING_SNAPSHOT if task == ONLY_AFTER_A_FAILURE else SNAPSHOT_INPUT["snapshot_date"]
    execution = client.start_execution(stateMachineArn=version, input=json.dumps({"snapshot_date": snapshot}))
    arn = execution["executionArn"]
    while HOLD not in entered_states(arn):
        status = client.describe_execution(executionArn=arn)["status"]
        assert status == "RUNNING", f"the execution is {status} before {task}"
        time.sleep(POLL_SECONDS)
    client.stop_execution(executionArn=arn, error="Killed", cause="by the test")


def entered_states(execution_arn: str) -> set[str]:
    pages = boto3.client("stepfunctions").get_paginator("get_execution_history").paginate(executionArn=execution_arn)
    return {
        event["stateEnteredEventDetails"]["name"]
        for page in pages
        for event in page["events"]
        if "stateEnteredEventDetails" in event
    }


def without_expiry(items: dict[str, Item]) -> dict[str, Item]:
    """Return the items without `ttl`, which differs when the tests run across midnight."""
    return {member: {name: value for name, value in item.items() if name != "ttl"} for member, item in items.items()}


@pytest.mark.parametrize("task", TASKS)
def test_day_succeeds_after_its_execution_is_killed(fresh_stack: Stack, first_runs: FirstRuns, task: str) -> None:
    kill_after(task, fresh_stack)
    execution = fresh_stack.run_ml()
    assert (execution.status, execution.cause) == ("SUCCEEDED", "")
    jobs = fresh_stack.started_jobs()
    assert len(jobs) == len(set(jobs)) == 4, "a training, the holdout's and the day's transform, a push"
    assert [job for job in jobs if not job.endswith("-1")] == []
    assert without_expiry(fresh_stack.items()) == without_expiry(first_runs.items)
