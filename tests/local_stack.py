"""A deployed local cloud and the first executions on it, for tests of the whole product."""

import contextlib
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from rich.console import Console

from buyer_stage.domain.s3_layout import RUN_RECEIPTS_PREFIX, SUPPRESSION_LIST_KEY
from buyer_stage.domain.suppression import hash_member, render_suppression_list
from emr_steps.arguments import STEPS
from localcloud import cloud as local_cloud
from localcloud.deployment import Deployment, deployed, upload_data_lake
from localcloud.policies.calls import Call, read_calls
from sample_data.generate import generate
from tests import consumer
from tests.accounts import allow, assume
from tests.consumer import Consumer
from tests.signed_requests import send
from tests.suppression import KEY
from tools.contracts.validation import validate_answer, validate_item
from tools.execution import Execution, run

MEMBERS = 1500
"""Enough members that the first model is clearly better than the prior, so that the gate approves it."""
SNAPSHOT_DATE = date(2026, 5, 20)
LABELED_DATE = date(2026, 4, 20)
SEED = 7
SNAPSHOT_INPUT = {"snapshot_date": "20260520"}
HOLD = "Hold"
"""State that an execution cannot leave before the end of the tests."""

MISSING_SNAPSHOT = "20260401"
INVALID_SNAPSHOT = "2026-05-20"
POLL_SECONDS = 0.2
PUSH_JOB = "buyer-stage-push-to-dynamodb-local"
SUPPRESSION_SECRET = "buyer-stage-suppression-key-local"

READER_ACTIONS = [
    "dynamodb:BatchGetItem", "dynamodb:GetItem", "kms:Decrypt", "lambda:InvokeFunction", "lambda:InvokeFunctionUrl",
]  # fmt: skip
"""What docs/for_product_teams.md says that a reader needs in its own account."""

Item = dict[str, Any]


@dataclass(frozen=True)
class Stack:
    """A deployed local cloud, its data lake, and a reader of another account."""

    cloud: local_cloud.LocalCloud
    deployment: Deployment
    data_lake: Path
    product_team: boto3.Session

    def look_up(self, path: str, body: Item | None = None) -> tuple[int, Item]:
        """Ask the lookup as the reader, and return status and answer after comparing it with the contract."""
        text = None if body is None else json.dumps(body)
        status, body_text = send(self.deployment.lookup_url + path, self.product_team, text)
        answer = json.loads(body_text)
        validate_answer(path, status, answer)
        return status, answer

    def run_etl(self, **more: Any) -> Execution:
        return run(self.deployment.etl_state_machine_arn, {**SNAPSHOT_INPUT, **more}, Console(quiet=True))

    def run_ml(self, **more: Any) -> Execution:
        return run(self.deployment.ml_state_machine_arn, {**SNAPSHOT_INPUT, **more}, Console(quiet=True))

    def roll_back_scores(self, to: str) -> Execution:
        return run(self.deployment.ml_state_machine_arn, {"rollback_to": to}, Console(quiet=True))

    def run_ml_by_schedule(self) -> dict[str, Any]:
        """Let the schedule start an execution now, wait for its end, and return its description."""
        states, alias = boto3.client("stepfunctions"), self.deployment.ml_state_machine_arn
        before = states.list_executions(stateMachineArn=alias)["executions"]
        with schedule_due_now("ml"):
            while len(executions := states.list_executions(stateMachineArn=alias)["executions"]) == len(before):
                time.sleep(POLL_SECONDS)
        (started,) = {item["executionArn"] for item in executions} - {item["executionArn"] for item in before}
        while (described := states.describe_execution(executionArn=started))["status"] == "RUNNING":
            time.sleep(POLL_SECONDS)
        return dict(described)

    def report_freshness_by_schedule(self) -> None:
        """Let the schedule call the function that reports the freshness, and wait for its metric."""
        with schedule_due_now("freshness"):
            while ("BuyerStage/local", "SnapshotsBehind", "report_freshness") not in self.measured():
                time.sleep(POLL_SECONDS)

    def items(self) -> dict[str, Item]:
        """Return member -> item, after comparing each item with the contract."""
        pages = (
            boto3.resource("dynamodb").meta.client.get_paginator("scan").paginate(TableName=self.deployment.table_name)
        )
        found = {item["member_id"]: item for page in pages for item in page["Items"]}
        for item in found.values():
            validate_item(item)
        return found

    def read(self, key: str) -> bytes:
        """Return an object of the pipeline bucket."""
        return boto3.client("s3").get_object(Bucket=self.deployment.pipeline_bucket, Key=key)["Body"].read()

    def document(self, key: str) -> dict[str, Any]:
        """Return a JSON document of the pipeline bucket."""
        return dict(json.loads(self.read(key)))

    def receipt(self, execution_arn: str) -> tuple[str, str]:
        """Return the receipt of an execution as JSON and as a page."""
        name = execution_arn.rpartition(":")[2]
        keys = [key for key in self.keys(RUN_RECEIPTS_PREFIX) if key.rpartition("/")[2].startswith(name)]
        page, receipt = (self.read(key).decode() for key in keys)
        return receipt, page

    def measured(self) -> set[tuple[str, str, str]]:
        """Return namespace, name and function of the metrics that the functions printed for CloudWatch."""
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

    def version_that_holds_after(self, task: str, alias_arn: str) -> str:
        """Publish a version that waits between a task and the next state, and return its ARN.

        The task has done its work, and nothing has used its result.
        """
        client, machine_arn = boto3.client("stepfunctions"), alias_arn.rpartition(":")[0]
        deployed = client.describe_state_machine(stateMachineArn=machine_arn)["definition"]
        definition = json.loads(deployed)
        states = definition["States"]
        states[HOLD] = {"Type": "Wait", "Seconds": 1_000_000, "Next": states[task]["Next"]}
        states[task]["Next"] = HOLD
        held = client.update_state_machine(stateMachineArn=machine_arn, definition=json.dumps(definition), publish=True)
        client.update_state_machine(stateMachineArn=machine_arn, definition=deployed)
        return held["stateMachineVersionArn"]

    def created(self, action: str) -> set[str]:
        """Return the names of the jobs that the functions have created by an action."""
        return {
            call.resource.rpartition("/")[2]
            for call in read_calls(Path(self.cloud.work_folder))
            # Autopilot also creates jobs, by its own role and with names that it chooses.
            if call.action == action and not call.role.startswith("buyer-stage-autopilot-")
        }

    def trainings(self) -> set[str]:
        """Return the names of the Autopilot jobs."""
        return self.created("sagemaker:CreateAutoMLJobV2")

    def started_jobs(self) -> list[str]:
        """Return the names of all Autopilot and transform jobs and of all pushes."""
        # The right to create a transform is also checked on its model, which has the name of its training.
        transforms = self.created("sagemaker:CreateTransformJob") - self.trainings()
        return [*self.trainings(), *transforms, *self.pushes()]

    def pushes(self) -> list[str]:
        """Return the name of each Glue run, the first started first."""
        runs = boto3.client("glue").get_job_runs(JobName=PUSH_JOB)["JobRuns"]
        return [run["Arguments"]["--run_name"] for run in sorted(runs, key=lambda run: run["StartedOn"])]

    def keys(self, prefix: str) -> list[str]:
        listed = boto3.client("s3").list_objects_v2(Bucket=self.deployment.pipeline_bucket, Prefix=prefix)
        return [found["Key"] for found in listed.get("Contents", [])]


@dataclass(frozen=True)
class FirstRuns:
    """The first executions on a deployed local cloud.

    Attributes:
        etl: the ETL, with the labeled set.
        ml: the first ML execution, which trains a model.
        again: a later ML execution for the same snapshot.
        items: items of the table after the first ML executions.
        items_again: items of the table after the later ML execution.
        missing: an ML execution for a snapshot that does not exist.
        invalid: an ETL execution for an invalid date.
        too_early: an ML execution that rolls back before anything is published.
        scheduled: description of an ML execution that the schedule started.
        notifications: the notifications of all executions.
        calls: every AWS call that a role made in these executions.
        answers: status and answer of the lookup: before the first push, and then about one member and about two.
        receipts: execution -> receipt and page, as texts.
        sources: key of each document in these receipts -> its bytes.
        consumer: the example that product teams copy, deployed before the first push.
        received: the events that it has received.
    """

    etl: Execution
    ml: Execution
    again: Execution
    items: dict[str, Item]
    items_again: dict[str, Item]
    missing: Execution
    invalid: Execution
    too_early: Execution
    scheduled: dict[str, Any]
    notifications: list[dict[str, str]]
    calls: list[Call]
    answers: tuple[tuple[int, Item], ...]
    receipts: dict[str, tuple[str, str]]
    sources: dict[str, bytes]
    consumer: Consumer
    received: list[Item]

    def messages_about(self, execution_arn: str) -> list[str]:
        """Return the messages that name an execution."""
        return [each["Message"] for each in self.notifications if execution_arn in each["Message"]]


@contextlib.contextmanager
def schedule_due_now(name: str) -> Iterator[None]:
    """Make a schedule due, and restore it."""
    scheduler = boto3.client("scheduler")
    group = scheduler.list_schedule_groups(NamePrefix="buyer-stage-")["ScheduleGroups"][0]["Name"]
    schedule = scheduler.get_schedule(GroupName=group, Name=f"buyer-stage-{name}-local")
    kept = {name: schedule[name] for name in ("Name", "GroupName", "Target", "FlexibleTimeWindow", "KmsKeyArn")}
    deployed = ("ScheduleExpression", "ScheduleExpressionTimezone", "State", "Description")
    now = datetime.now(UTC).replace(microsecond=0, tzinfo=None).isoformat()
    scheduler.update_schedule(**kept, ScheduleExpression=f"at({now})", State="ENABLED")
    try:
        yield
    finally:
        scheduler.update_schedule(**kept, **{name: schedule[name] for name in deployed})


@contextlib.contextmanager
def pointed_at(cloud: local_cloud.LocalCloud) -> Iterator[None]:
    """Point the AWS clients of this block at a local cloud, and no others."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in cloud.environment.items():
            patch.setenv(name, value)
        patch.setattr(boto3, "DEFAULT_SESSION", None)  # It can hold other credentials.
        boto3.setup_default_session()  # Threads must not race to create it.
        yield


@contextlib.contextmanager
def deployed_stack(folder: Path) -> Iterator[Stack]:
    """Yield a local cloud on which executions can run, while Terraform applies what they do not need."""
    generate(folder / "lake", MEMBERS, SNAPSHOT_DATE, LABELED_DATE, SEED)
    cloud = local_cloud.start(folder / "cloud", local_cloud.free_port())
    with contextlib.ExitStack() as ends:
        ends.callback(local_cloud.stop, cloud)
        with pointed_at(cloud):
            deployment = ends.enter_context(deployed(folder))
            upload_data_lake(folder / "lake", deployment.datalake_bucket)
            product_team = assume(cloud.second_account, "product-team", allow(READER_ACTIONS))
        yield Stack(cloud, deployment, folder / "lake", product_team)


def run_for_the_first_time(stack: Stack) -> FirstRuns:
    with pointed_at(stack.cloud), ThreadPoolExecutor() as threads:
        _suppress_a_stranger(stack)
        unpublished = stack.look_up("v1/members/m")
        # Executions that fail early have nothing in common with the ETL, so they run at the same time.
        failing = threads.submit(_run_what_fails, stack)
        example = threads.submit(consumer.deploy, Path(stack.cloud.work_folder).parent / "consumer")
        etl = stack.run_etl(steps_to_run=list(STEPS))
        missing, invalid, too_early, scheduled = failing.result()
        team = example.result()
        ml, items = stack.run_ml(), stack.items()
        again, items_again = stack.run_ml(), stack.items()
        stack.report_freshness_by_schedule()
        member = min(items_again)
        answers = (
            unpublished, stack.look_up(f"v1/members/{member}"),
            stack.look_up("v1/members:batchGet", {"member_ids": [member, "nobody"]}),
        )  # fmt: skip
        notifications = stack.deployment.notifications()
        calls = read_calls(Path(stack.cloud.work_folder))
        executions = [each.arn for each in (etl, ml, again, missing, invalid, too_early)] + [scheduled["executionArn"]]
        receipts = {arn: stack.receipt(arn) for arn in executions}
        keys = {key for text, _ in receipts.values() for key in json.loads(text)["sources"]}
        sources = {key: stack.read(key) for key in keys}
        received = team.receive()  # After the calls were read: those of the team are not the product's.
    return FirstRuns(
        etl, ml, again, items, items_again, missing, invalid, too_early, scheduled, notifications, calls, answers,
        receipts, sources, team, received,
    )  # fmt: skip


def _suppress_a_stranger(stack: Stack) -> None:
    """Let the runs read the suppression list and its key, although no member of the data lake is on it."""
    boto3.client("secretsmanager").put_secret_value(SecretId=SUPPRESSION_SECRET, SecretString=KEY)
    text = render_suppression_list([hash_member("a member who is not in the data lake", KEY)], KEY)
    boto3.client("s3").put_object(Bucket=stack.deployment.pipeline_bucket, Key=SUPPRESSION_LIST_KEY, Body=text.encode())


def _run_what_fails(stack: Stack) -> tuple[Execution, Execution, Execution, dict[str, Any]]:
    too_early = stack.roll_back_scores("previous")
    missing, invalid = stack.run_ml(snapshot_date=MISSING_SNAPSHOT), stack.run_etl(snapshot_date=INVALID_SNAPSHOT)
    stack.deployment.applied.result()  # with the schedules
    return missing, invalid, too_early, stack.run_ml_by_schedule()
