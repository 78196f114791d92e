"""A deployed local cloud and what runs on it, for tests of the whole."""

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from rich.console import Console

from emr_steps.arguments import STEPS
from localcloud import cloud as local_cloud
from localcloud.deployment import Deployment, deploy, upload_data_lake
from localcloud.policies.calls import Call, read_calls
from sample_data.generate import generate
from tools.execution import Execution, run

MEMBERS = 1500
"""So many that the first model is clearly better than none, and the gate lets it through."""
SNAPSHOT_DATE = date(2026, 5, 20)
LABELED_DATE = date(2026, 4, 20)
SNAPSHOT_INPUT = {"snapshot_date": "20260520"}
MISSING_SNAPSHOT = "20260401"
IMPOSSIBLE_SNAPSHOT = "2026-05-20"
POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Stack:
    """A deployed local cloud and its data lake."""

    cloud: local_cloud.LocalCloud
    deployment: Deployment
    data_lake: Path

    def run_etl(self, **more: Any) -> Execution:
        return run(self.deployment.etl_state_machine_arn, {**SNAPSHOT_INPUT, **more}, Console(quiet=True))

    def run_ml(self, **more: Any) -> Execution:
        return run(self.deployment.ml_state_machine_arn, {**SNAPSHOT_INPUT, **more}, Console(quiet=True))

    def fire_ml_schedule(self) -> dict[str, Any]:
        """Have the schedule start its execution now, and give the execution's description when it has ended."""
        scheduler, states = boto3.client("scheduler"), boto3.client("stepfunctions")
        group = scheduler.list_schedule_groups(NamePrefix="buyer-stage-")["ScheduleGroups"][0]["Name"]
        schedule = scheduler.get_schedule(GroupName=group, Name="buyer-stage-ml-local")
        kept = {name: schedule[name] for name in ("Name", "GroupName", "Target", "FlexibleTimeWindow", "KmsKeyArn")}
        alias = self.deployment.ml_state_machine_arn
        before = states.list_executions(stateMachineArn=alias)["executions"]
        at = datetime.now(UTC).replace(microsecond=0, tzinfo=None).isoformat()
        scheduler.update_schedule(**kept, ScheduleExpression=f"at({at})", State="ENABLED")
        while len(executions := states.list_executions(stateMachineArn=alias)["executions"]) == len(before):
            time.sleep(POLL_SECONDS)
        (started,) = {item["executionArn"] for item in executions} - {item["executionArn"] for item in before}
        while (described := states.describe_execution(executionArn=started))["status"] == "RUNNING":
            time.sleep(POLL_SECONDS)
        as_deployed = ("ScheduleExpression", "ScheduleExpressionTimezone", "State", "Description")
        scheduler.update_schedule(**kept, **{name: schedule[name] for name in as_deployed})
        return dict(described)

    def items(self) -> dict[str, dict[str, Any]]:
        pages = (
            boto3.resource("dynamodb").meta.client.get_paginator("scan").paginate(TableName=self.deployment.table_name)
        )
        return {item["member_id"]: item for page in pages for item in page["Items"]}

    def document(self, key: str) -> dict[str, Any]:
        """Give a JSON document of the pipeline bucket."""
        body = boto3.client("s3").get_object(Bucket=self.deployment.pipeline_bucket, Key=key)
        return dict(json.loads(body["Body"].read()))

    def measured(self) -> set[tuple[str, str, str]]:
        """Give namespace, name and function of the metrics that the functions have printed for CloudWatch."""
        logs = boto3.client("logs")
        lines = [
            event["message"]
            for name in self.deployment.function_names
            for page in logs.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{name}")
            for event in page["events"]
        ]
        printed = [json.loads(line) for line in lines if line.startswith('{"_aws"')]
        return {
            (directive["Namespace"], metric["Name"], line["service"])
            for line in printed
            for directive in line["_aws"]["CloudWatchMetrics"]
            for metric in directive["Metrics"]
        }

    def keys(self, prefix: str) -> list[str]:
        listed = boto3.client("s3").list_objects_v2(Bucket=self.deployment.pipeline_bucket, Prefix=prefix)
        return [found["Key"] for found in listed.get("Contents", [])]


@dataclass(frozen=True)
class FirstRuns:
    """A day that goes well, and days whose data are missing, on a stack where nothing has run before.

    Attributes:
        again: the ML pipeline a second time, for the same day.
        items: of the serving table after the first time.
        items_again: of the serving table after the second time.
        impossible: of the ETL, for a date that is none.
        scheduled: description of an execution that the schedule started, for today.
        notifications: those of the day that went well.
        notifications_of_missing: those of the day that was asked for.
        notifications_of_impossible: those of the date that is none.
        calls: every AWS call that a role made in these runs.
    """

    etl: Execution
    ml: Execution
    again: Execution
    items: dict[str, dict[str, Any]]
    items_again: dict[str, dict[str, Any]]
    missing: Execution
    impossible: Execution
    scheduled: dict[str, Any]
    notifications: list[dict[str, str]]
    notifications_of_missing: list[dict[str, str]]
    notifications_of_impossible: list[dict[str, str]]
    calls: list[Call]


@contextlib.contextmanager
def pointed_at(cloud: local_cloud.LocalCloud) -> Iterator[None]:
    """AWS clients made in this block use a local cloud; those of other tests must not."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in cloud.environment.items():
            patch.setenv(name, value)
        patch.setattr(boto3, "DEFAULT_SESSION", None)  # it may hold other credentials
        yield


@contextlib.contextmanager
def deployed_stack(folder: Path) -> Iterator[Stack]:
    generate(folder / "lake", MEMBERS, SNAPSHOT_DATE, LABELED_DATE, 7)
    cloud = local_cloud.start(folder / "cloud", local_cloud.free_port())
    try:
        with pointed_at(cloud):
            deployment = deploy(folder)
            upload_data_lake(folder / "lake", deployment.datalake_bucket)
        yield Stack(cloud, deployment, folder / "lake")
    finally:
        local_cloud.stop(cloud)


def run_for_the_first_time(stack: Stack) -> FirstRuns:
    with pointed_at(stack.cloud):
        take_notifications = stack.deployment.notifications
        etl, ml = stack.run_etl(steps_to_run=list(STEPS)), stack.run_ml()
        items = stack.items()
        again, items_again = stack.run_ml(), stack.items()
        notifications = take_notifications()
        missing, of_missing = stack.run_ml(snapshot_date=MISSING_SNAPSHOT), take_notifications()
        impossible, of_impossible = stack.run_etl(snapshot_date=IMPOSSIBLE_SNAPSHOT), take_notifications()
        scheduled = stack.fire_ml_schedule()
        take_notifications()
        calls = read_calls(Path(stack.cloud.work_folder))
    return FirstRuns(
        etl, ml, again, items, items_again, missing, impossible, scheduled, notifications, of_missing, of_impossible,
        calls,
    )  # fmt: skip
