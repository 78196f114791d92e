"""The whole pipeline on the local cloud at small size, and how it fails."""

import contextlib
import hashlib
import json
import zlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import boto3
import jsonschema
import pyarrow.compute
import pyarrow.parquet
import pytest
from botocore.exceptions import ClientError

from buyer_stage.domain import s3_layout
from buyer_stage.domain.datalake import partition_prefix, table_name, table_prefix
from buyer_stage.domain.features import MEMBER_ID
from buyer_stage.domain.stages import Stage
from buyer_stage.domain.windows import Window
from localcloud.demo.data_lake import count_distinct_members
from localcloud.deployment import upload_data_lake
from sample_data.next_day import generate_next_day
from tests.local_stack import (
    MISSING_SNAPSHOT,
    PUSH_JOB,
    SEED,
    SNAPSHOT_DATE,
    FirstRuns,
    Item,
    Stack,
)
from tools.execution import Execution
from tools.models import approve, list_models
from tools.repository import REPOSITORY
from tools.rollback import find_rollback, roll_back

NEXT_DATE = SNAPSHOT_DATE + timedelta(days=1)
DOCUMENTS = (
    "features", "validation", "labeled_set", "push", "publication", "drift", "model_card", "challenger_card",
)  # fmt: skip
"""Fields of a receipt that hold documents."""
REASON = "Members search more: a campaign (#12)"


@dataclass(frozen=True)
class LaterRuns:
    """Executions after the first ones.

    Attributes:
        leaking: an ML execution that has to train while a member is in two splits.
        notifications_of_leaking: its notifications.
        next_etl: the ETL for the next snapshot.
        next_ml: the ML execution for the next snapshot, which trains a challenger.
        rival: an ML execution with the same input, started at the same moment.
        items: items of the table after both.
        received: the events that the consumer has received about them.
        resources: what existed of the consumer then.
        destroyed: done when the consumer has been destroyed, which takes half a minute.
    """

    leaking: Execution
    notifications_of_leaking: list[dict[str, str]]
    next_etl: Execution
    next_ml: Execution
    rival: Execution
    items: dict[str, Item]
    received: list[Item]
    resources: list[str]
    destroyed: Future[None]


@pytest.fixture(scope="module")
def later_runs(stack: Stack, first_runs: FirstRuns) -> LaterRuns:
    upload_next_snapshot(stack)
    snapshot = {"snapshot_date": f"{NEXT_DATE:%Y%m%d}"}
    with ThreadPoolExecutor() as threads:
        with leaking_member(stack):
            etl = threads.submit(stack.run_etl, **snapshot, accept_input=REASON)
            leaking = stack.run_ml(retrain=True)
            next_etl = etl.result()
        notifications = stack.deployment.notifications()
        rivals = [threads.submit(stack.run_ml, **snapshot, retrain=True) for _ in range(2)]
        next_ml, rival = (execution.result() for execution in rivals)
    consumer, background = first_runs.consumer, ThreadPoolExecutor(1)
    received, resources = consumer.receive(), consumer.resources()
    destroyed = background.submit(consumer.destroy)
    return LaterRuns(
        leaking, notifications, next_etl, next_ml, rival, stack.items(), received, resources, destroyed
    )  # fmt: skip


def upload_next_snapshot(stack: Stack) -> None:
    """Upload the next day, on which members search twenty times as often in one window."""
    lake = stack.data_lake
    assert generate_next_day(lake, SNAPSHOT_DATE, SEED) == NEXT_DATE
    for file in (lake / partition_prefix(Window.T007, NEXT_DATE)).glob("*.parquet"):
        table = pyarrow.parquet.read_table(file)
        column = table.schema.get_field_index("total_searches")
        busier = pyarrow.compute.multiply(table["total_searches"], 20)
        pyarrow.parquet.write_table(table.set_column(column, table.schema.field(column), busier), file)
    upload_data_lake(lake, stack.deployment.datalake_bucket)


@contextlib.contextmanager
def leaking_member(stack: Stack) -> Iterator[None]:
    """Move a member's row from the training channel to the validation channel."""
    s3, bucket = boto3.client("s3"), stack.deployment.pipeline_bucket
    (train,), (validation,) = stack.keys(s3_layout.TRAINING_PREFIX), stack.keys(s3_layout.VALIDATION_PREFIX)
    before = {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in (train, validation)}
    header, moved, *rest = before[train].splitlines(keepends=True)
    try:
        s3.put_object(Bucket=bucket, Key=train, Body=header + b"".join(rest))
        s3.put_object(Bucket=bucket, Key=validation, Body=before[validation] + moved)
        yield
    finally:
        for key, body in before.items():
            s3.put_object(Bucket=bucket, Key=key, Body=body)


def visited(execution: Execution) -> list[str]:
    return [visit.name for visit in execution.visits]


def running_clusters() -> list[Any]:
    states = ["STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING", "TERMINATING"]
    return boto3.client("emr").list_clusters(ClusterStates=states)["Clusters"]


def test_the_first_execution_trains_scores_and_serves_every_member(stack: Stack, first_runs: FirstRuns) -> None:
    assert [execution.status for execution in (first_runs.etl, first_runs.ml)] == ["SUCCEEDED", "SUCCEEDED"]
    assert "CreateAndSaveModel" in visited(first_runs.ml)
    items = first_runs.items
    assert len(items) == count_distinct_members(stack.data_lake, SNAPSHOT_DATE)
    for item in items.values():
        assert Stage(item["value"])
        assert item["confidence"] == item["probabilities"][item["value"]]
        assert sum(item["probabilities"].values()) == pytest.approx(1, abs=1e-3)
        assert item["snapshot_date"] == "2026-05-20"
        assert item["model_version"].startswith("buy-local-")
        assert item["ttl"] > 0
    assert running_clusters() == []


def test_only_failed_executions_send_notifications(first_runs: FirstRuns) -> None:
    failed = [
        first_runs.missing.arn, first_runs.invalid.arn, first_runs.too_early.arn, first_runs.scheduled["executionArn"],
    ]  # fmt: skip
    assert [len(first_runs.messages_about(arn)) for arn in failed] == [1, 1, 1, 1]
    assert len(first_runs.notifications) == 4
    assert (first_runs.too_early.error, "no way back" in first_runs.too_early.cause) == ("InvalidInputError", True)


def test_the_receipt_accounts_for_every_scored_line(stack: Stack, first_runs: FirstRuns) -> None:
    run_name = first_runs.ml.output["upload"]["run_name"]
    receipt = stack.document(s3_layout.push_receipt_key(SNAPSHOT_DATE, run_name))
    assert receipt["read"] == receipt["written"] == count_distinct_members(stack.data_lake, SNAPSHOT_DATE)
    assert receipt["quarantined"] == receipt["failed"] == 0


def test_every_execution_has_a_receipt_that_follows_its_contract(first_runs: FirstRuns) -> None:
    contract = json.loads((REPOSITORY / "contracts/run_receipt.schema.json").read_text())
    outcomes = {}
    for arn, (text, _) in first_runs.receipts.items():
        receipt = json.loads(text)
        jsonschema.Draft202012Validator(contract).validate(receipt)
        assert receipt["execution_arn"] == arn
        outcomes[arn] = receipt["outcome"]
    good = [first_runs.etl.arn, first_runs.ml.arn, first_runs.again.arn]
    assert outcomes == {arn: "succeeded" if arn in good else "failed" for arn in outcomes}
    for arn in outcomes.keys() - good:
        (message,) = first_runs.messages_about(arn)
        assert f"{arn.rpartition(':')[2]}.html" in message
        assert "make receipt ENV=local DAY=" in message


def test_documents_in_a_receipt_equal_their_sources(first_runs: FirstRuns) -> None:
    found = {}
    for arn, (text, _) in first_runs.receipts.items():
        receipt = json.loads(text)
        sources = {key: first_runs.sources[key] for key in receipt["sources"]}
        assert {key: hashlib.sha256(body).hexdigest() for key, body in sources.items()} == receipt["sources"]
        held = {field: receipt[field] for field in DOCUMENTS if receipt[field] is not None}
        written = [json.loads(body) for body in sources.values()]
        assert len(written) == len(held)
        assert [field for field, document in held.items() if document not in written] == []
        found[arn] = set(held)
    scored = {"features", "validation", "push", "publication", "drift", "model_card"}
    assert found.pop(first_runs.etl.arn) == {"features", "validation", "labeled_set"}
    assert [found.pop(first_runs.ml.arn), found.pop(first_runs.again.arn)] == [scored, scored]
    assert set(map(frozenset, found.values())) == {frozenset()}


def test_a_receipt_has_the_times_and_jobs_of_its_execution(first_runs: FirstRuns) -> None:
    for execution in (first_runs.etl, first_runs.ml, first_runs.again):
        receipt = json.loads(first_runs.receipts[execution.arn][0])
        seconds = {state["name"]: state["seconds"] for state in receipt["states"]}
        visits = {state["name"]: state["visits"] for state in receipt["states"]}
        measured: dict[str, float] = {}
        for visit in execution.visits:
            if visit.exited is not None:
                measured[visit.name] = measured.get(visit.name, 0) + visit.exited - visit.entered
        assert seconds == pytest.approx({name: measured[name] for name in seconds}, abs=0.001)
        assert visits == {name: visited(execution).count(name) for name in visits}
        assert seconds.keys() >= {name for name, each in measured.items() if each >= 1} - {"WriteRunReceipt"}
    first, again = (json.loads(first_runs.receipts[each.arn][0])["jobs"] for each in (first_runs.ml, first_runs.again))
    assert [job["kind"] for job in first] == ["Autopilot job", "holdout transform", "batch transform", "push"]
    assert [job["is_reused"] for job in first] == [False] * 4
    assert again == [{**job, "is_reused": True} for job in first[2:]]


def test_no_receipt_names_a_member(stack: Stack, first_runs: FirstRuns) -> None:
    texts = [text for both in first_runs.receipts.values() for text in both]
    texts.append(stack.read(s3_layout.RUN_RECEIPTS_INDEX_KEY).decode())
    members = members_of(stack.data_lake, SNAPSHOT_DATE)
    assert len(members) > 1000
    assert [text for text in texts if any(member in text for member in members)] == []


def members_of(lake: Path, day: date) -> set[str]:
    """Return the ids of all members of a snapshot."""
    files = [file for window in Window for file in (lake / partition_prefix(window, day)).glob("*.parquet")]
    return {member for file in files for member in pyarrow.parquet.read_table(file)[MEMBER_ID].to_pylist()}


def test_executions_at_once_share_every_job(stack: Stack, first_runs: FirstRuns, later_runs: LaterRuns) -> None:
    executions = (later_runs.next_ml, later_runs.rival)
    assert [execution.status for execution in executions] == ["SUCCEEDED"] * 2, executions[0].cause
    assert len({execution.output["transform"]["transform_job_name"] for execution in executions}) == 1
    (push,) = {execution.output["upload"]["run_name"] for execution in executions}
    assert stack.pushes().count(push) == 1
    assert len(stack.trainings()) == 2  # the first one, and the one that both executions asked for


def test_a_day_started_again_trains_scores_and_pushes_nothing(first_runs: FirstRuns) -> None:
    assert (first_runs.again.status, "StartAutoML" in visited(first_runs.again)) == ("SUCCEEDED", False)
    for job, name in (("transform", "transform_job_name"), ("upload", "run_name")):
        assert first_runs.again.output[job][name] == first_runs.ml.output[job][name]


def test_an_execution_started_again_leaves_the_table_as_it_is(first_runs: FirstRuns) -> None:
    before, after = first_runs.items, first_runs.items_again
    assert after.keys() == before.keys()
    # Items expire at the end of a day, so their expiry differs only if the tests run across midnight.
    assert [{**item, "ttl": 0} for item in after.values()] == [{**before[member], "ttl": 0} for member in after]


def test_a_day_that_breaks_a_rule_is_held_until_a_person_serves_it_and_can_be_rolled_back(
    stack: Stack, first_runs: FirstRuns, later_runs: LaterRuns
) -> None:
    before = stack.items()
    older = stack.run_ml()
    assert (older.status, older.error) == ("FAILED", "ScoresHeldError")
    assert "days older than the live snapshot" in older.cause

    day = generate_next_day(stack.data_lake, NEXT_DATE, SEED)
    for window in Window:
        for file in (stack.data_lake / partition_prefix(window, day)).glob("*.parquet"):
            table = pyarrow.parquet.read_table(file)
            in_half = [zlib.crc32(member.encode()) % 2 == 0 for member in table[MEMBER_ID].to_pylist()]
            pyarrow.parquet.write_table(table.filter(pyarrow.array(in_half)), file)
    upload_data_lake(stack.data_lake, stack.deployment.datalake_bucket)
    snapshot = {"snapshot_date": f"{day:%Y%m%d}"}
    assert stack.run_etl(**snapshot).status == "SUCCEEDED"
    stack.deployment.notifications()
    held = stack.run_ml(**snapshot)
    (mail,) = stack.deployment.notifications()
    assert (held.status, held.error) == ("FAILED", "ScoresHeldError")
    assert "change in scored members" in mail["Message"]
    assert "serve_anyway" in mail["Message"]
    assert stack.items() == before
    account = json.loads(stack.receipt(held.arn)[0])
    assert (account["outcome"], account["push"]["held"], account["publication"]) == ("held", True, None)

    forced = stack.run_ml(**snapshot, serve_anyway="The lake lost the other half")
    assert forced.status == "SUCCEEDED"
    receipt = stack.document(s3_layout.push_receipt_key(day, forced.output["upload"]["run_name"]))
    assert receipt["serve_anyway"] == "The lake lost the other half"
    assert stack.document(s3_layout.CURRENT_PUBLICATION_KEY)["state"]["snapshot_date"] == day.isoformat()
    assert stack.items() != before

    back = stack.roll_back_scores("previous")
    assert back.status == "SUCCEEDED", back.cause
    account = json.loads(stack.receipt(back.arn)[0])
    assert (account["outcome"], account["snapshot_date"]) == ("rolled back", NEXT_DATE.isoformat())
    assert account["publication"]["kind"] == account["push"]["kind"] == "rollback"
    without_ttl = [{member: {**item, "ttl": 0} for member, item in items.items()} for items in (before, stack.items())]
    assert without_ttl[0] == without_ttl[1]
    for key in stack.keys(s3_layout.features_prefix(day)):
        boto3.client("s3").delete_object(Bucket=stack.deployment.pipeline_bucket, Key=key)
    # The next tests run this snapshot again.
    first = stack.roll_back_scores(f"{SNAPSHOT_DATE:%Y%m%d}")
    assert first.status == "SUCCEEDED", first.cause
    stack.deployment.notifications()


def test_a_transform_whose_output_was_partly_deleted_is_repeated(stack: Stack, first_runs: FirstRuns) -> None:
    job = first_runs.ml.output["transform"]["transform_job_name"]
    output = stack.keys(s3_layout.inference_results_prefix(SNAPSHOT_DATE, job))
    boto3.client("s3").delete_object(Bucket=stack.deployment.pipeline_bucket, Key=output[0])
    name, _, attempt = job.rpartition("-")
    assert stack.run_ml().output["transform"]["transform_job_name"] == f"{name}-{int(attempt) + 1}"


@pytest.fixture
def lost_line(stack: Stack, first_runs: FirstRuns) -> Iterator[None]:
    """A transform's output without one of its lines, and a Glue job that retries failures."""
    s3, glue = boto3.client("s3"), boto3.client("glue")
    bucket = stack.deployment.pipeline_bucket
    done = stack.run_ml().output
    prefix = s3_layout.inference_results_prefix(SNAPSHOT_DATE, done["transform"]["transform_job_name"])
    key = stack.keys(prefix)[0]
    body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    s3.put_object(Bucket=bucket, Key=key, Body=body.split(b"\n", 1)[1])
    job = glue.get_job(JobName=PUSH_JOB)["Job"]
    update = {name: job[name] for name in UPDATED_FIELDS if name in job}
    glue.update_job(JobName=PUSH_JOB, JobUpdate={**update, "MaxRetries": 3})
    yield
    glue.update_job(JobName=PUSH_JOB, JobUpdate=update)
    s3.put_object(Bucket=bucket, Key=key, Body=body)


UPDATED_FIELDS = (
    "Role", "Command", "DefaultArguments", "MaxRetries", "Timeout", "GlueVersion", "NumberOfWorkers", "WorkerType",
    "ExecutionProperty", "SecurityConfiguration",
)  # fmt: skip


@pytest.mark.usefixtures("lost_line")
def test_a_push_that_loses_lines_runs_once_and_fails_the_execution(stack: Stack) -> None:
    before = stack.pushes()
    execution = stack.run_ml(serve_anyway="Another push of the same lines")
    (notification,) = stack.deployment.notifications()
    assert (execution.status, execution.error) == ("FAILED", "ScoredLinesLostError")
    assert "does not hold one line per member" in notification["Message"]
    assert len(stack.pushes()) == len(before) + 1


def test_a_challenger_that_is_not_better_leaves_the_scoring_to_the_champion(
    stack: Stack, first_runs: FirstRuns, later_runs: LaterRuns
) -> None:
    champion = first_runs.ml.output["model"]["model_version"]
    assert [later_runs.next_etl.status, later_runs.next_ml.status] == ["SUCCEEDED", "SUCCEEDED"]
    assert "StartAutoML" in visited(later_runs.next_ml)
    assert later_runs.next_ml.output["model"]["model_version"] == champion
    challenger, *_ = list_models(boto3.client("sagemaker"), "local")
    assert (challenger.version != champion, challenger.status) == (True, "PendingManualApproval")
    assert "not clearly better than the champion" in challenger.verdict
    assert s3_layout.model_card_text_key(challenger.version) in stack.keys("best-model/")
    assert {item["model_version"] for item in later_runs.items.values()} == {champion}


def test_a_snapshot_is_compared_with_the_training_and_with_the_snapshot_before(
    stack: Stack, first_runs: FirstRuns, later_runs: LaterRuns
) -> None:
    assert (first_runs.ml.output["drift"]["is_drifted"], first_runs.ml.output["drift"]["flip_rate"]) == (False, None)
    report = stack.document(later_runs.next_ml.output["drift"]["report"])
    before, after = first_runs.items_again, later_runs.items
    changed = [member for member in before if after[member]["value"] != before[member]["value"]]
    assert report["flip_rate"] == pytest.approx(len(changed) / count_distinct_members(stack.data_lake, NEXT_DATE))
    assert report["changes"]["previous_snapshot_date"] == SNAPSHOT_DATE.isoformat()
    assert report["is_drifted"]
    significant = [
        (feature, window)
        for feature, shifts in report["features"].items()
        for window, shift in shifts.items()
        if shift["level"] == "significant"
    ]
    assert significant == [("total_searches", "t007")]


def test_a_consumer_receives_exactly_the_members_who_become_ready_to_transact(
    first_runs: FirstRuns, later_runs: LaterRuns
) -> None:
    days = ({}, first_runs.items_again, later_runs.items)
    for received, before, after in zip((first_runs.received, later_runs.received), days, days[1:], strict=False):
        became_ready = {
            member: before[member]["value"] if member in before else None
            for member, item in after.items()
            if item["value"] == Stage.READY_TO_TRANSACT and before.get(member, {}).get("value") != item["value"]
        }
        assert {event["member_id"]: event["from"] for event in received} == became_ready
        assert len(received) == len(became_ready) > 0


def test_a_manifest_keeps_the_counts_of_the_data_lake_and_the_reason_to_accept_it(
    stack: Stack, later_runs: LaterRuns
) -> None:
    key = s3_layout.feature_manifest_key(NEXT_DATE)
    body = boto3.client("s3").get_object(Bucket=stack.deployment.pipeline_bucket, Key=key)["Body"].read()
    manifest = json.loads(body)

    assert later_runs.next_etl.status == "SUCCEEDED"
    assert (manifest["accepted_input"], manifest["input_warnings"]) == (REASON, [])
    receipt = stack.document(s3_layout.push_receipt_key(NEXT_DATE, later_runs.next_ml.output["upload"]["run_name"]))
    assert (receipt["accepted_input"], receipt["input_warnings"]) == (REASON, [])
    assert {window: counts["rows"] for window, counts in manifest["input_counts"].items()} == manifest[
        "window_row_counts"
    ]


def test_every_metric_of_an_alarm_or_the_dashboard_is_measured(stack: Stack, later_runs: LaterRuns) -> None:
    pages = boto3.client("cloudwatch").get_paginator("describe_alarms").paginate(AlarmNamePrefix="buyer-stage-")
    alarms = [alarm for page in pages for alarm in page["MetricAlarms"]]
    queries = [
        query["MetricStat"]["Metric"] for alarm in alarms for query in alarm.get("Metrics", []) if "MetricStat" in query
    ]
    watched = {
        (metric["Namespace"], metric["MetricName"], *(dimension["Value"] for dimension in metric["Dimensions"]))
        for metric in [*alarms, *queries]
        if metric.get("Namespace", "").startswith("BuyerStage")
    }
    dashboard = boto3.client("cloudwatch").get_dashboard(DashboardName="buyer-stage-local")["DashboardBody"]
    drawn = {
        (metric[0], metric[1], metric[3])
        for widget in json.loads(dashboard)["widgets"]
        for metric in widget["properties"].get("metrics", [])
        if isinstance(metric[0], str) and metric[0].startswith("BuyerStage")  # Others are expressions.
    }
    assert len(watched) >= 4
    assert len(drawn) >= 10
    assert (watched | drawn) - stack.measured() == set()


def test_a_member_in_two_splits_stops_the_training_but_not_the_scoring(later_runs: LaterRuns) -> None:
    leaking = later_runs.leaking
    assert (leaking.status, leaking.error) == ("FAILED", "LabeledSetError")
    assert "StartAutoML" not in visited(leaking)
    assert "CheckDrift" in visited(leaking)
    (notification,) = later_runs.notifications_of_leaking
    assert "in the channel of another split: 1" in notification["Message"]


def test_the_receipt_of_a_failed_training_says_that_members_were_served(stack: Stack, later_runs: LaterRuns) -> None:
    receipt = json.loads(stack.receipt(later_runs.leaking.arn)[0])
    assert receipt["outcome"] == "served, but the training failed"
    assert receipt["failure"]["state"] == "CheckTrainingDataAvailability"
    assert receipt["failure"]["cause"] == json.loads(later_runs.leaking.cause)["errorMessage"]
    assert receipt["push"]["read"] == receipt["features"]["row_count"]
    challenger = json.loads(stack.receipt(later_runs.next_ml.arn)[0])
    assert challenger["challenger_card"]["model_version"] != challenger["model_card"]["model_version"]


@pytest.fixture
def nothing_approved(stack: Stack, later_runs: LaterRuns) -> Iterator[None]:
    """A registry in which every model waits for approval."""
    sagemaker = boto3.client("sagemaker")
    approved = [model for model in list_models(sagemaker, "local") if model.status == "Approved"]
    for model in approved:
        sagemaker.update_model_package(
            ModelPackageArn=model.package_arn, ModelApprovalStatus="PendingManualApproval", ApprovalDescription="test"
        )
    yield
    for model in approved:
        approve(sagemaker, model, "test")


@pytest.mark.usefixtures("nothing_approved")
def test_two_runs_on_the_same_labeled_set_do_not_train_again_while_nothing_is_approved(stack: Stack) -> None:
    before = stack.trainings()
    executions = [stack.run_ml(), stack.run_ml()]
    messages = [notification["Message"] for notification in stack.deployment.notifications()]
    for execution in executions:
        assert (execution.status, execution.error) == ("FAILED", "ModelNotApproved")
        assert "waits for approval" in execution.cause
        assert "WaitForAutoML" not in visited(execution)
    assert all("`make approve-model`" in message for message in messages)
    assert stack.trainings() == before != set()


@pytest.fixture
def deleted_model(stack: Stack, first_runs: FirstRuns) -> Iterator[None]:
    """The champion's SageMaker model, deleted behind the registry's back."""
    sagemaker = boto3.client("sagemaker")
    model = sagemaker.describe_model(ModelName=first_runs.ml.output["model"]["model_version"])
    sagemaker.delete_model(ModelName=model["ModelName"])
    yield
    kept = ("ModelName", "ExecutionRoleArn", "Containers", "EnableNetworkIsolation")
    sagemaker.create_model(**{name: model[name] for name in kept})


@pytest.mark.usefixtures("deleted_model")
def test_a_deleted_model_fails_the_execution_with_its_own_error(stack: Stack) -> None:
    execution = stack.run_ml()
    (notification,) = stack.deployment.notifications()
    assert (execution.status, execution.error) == ("FAILED", "ModelError")
    assert visited(execution).count("CheckModelAvailability") == 1
    assert "`make delete-model`" in notification["Message"]


@pytest.fixture
def newer_version(stack: Stack) -> Iterator[str]:
    """A newer version of the ML state machine, which is live."""
    client, alias_arn = boto3.client("stepfunctions"), stack.deployment.ml_state_machine_arn
    machine_arn = alias_arn.rpartition(":")[0]
    definition = client.describe_state_machine(stateMachineArn=machine_arn)["definition"]
    routing = client.describe_state_machine_alias(stateMachineAliasArn=alias_arn)["routingConfiguration"]
    newer = client.update_state_machine(
        stateMachineArn=machine_arn,
        definition=json.dumps({**json.loads(definition), "Comment": "A newer version."}),
        publish=True,
    )["stateMachineVersionArn"]
    client.update_state_machine_alias(
        stateMachineAliasArn=alias_arn, routingConfiguration=[{"stateMachineVersionArn": newer, "weight": 100}]
    )
    yield newer
    client.update_state_machine_alias(stateMachineAliasArn=alias_arn, routingConfiguration=routing)
    client.update_state_machine(stateMachineArn=machine_arn, definition=definition)
    client.delete_state_machine_version(stateMachineVersionArn=newer)


def test_a_rollback_starts_the_previous_version(stack: Stack, first_runs: FirstRuns, newer_version: str) -> None:
    client = boto3.client("stepfunctions")
    rollback = find_rollback(client, stack.deployment.ml_state_machine_arn.rpartition(":")[0])
    roll_back(client, rollback)
    execution = stack.run_ml(snapshot_date=MISSING_SNAPSHOT)
    stack.deployment.notifications()
    executed = client.describe_execution(executionArn=execution.arn)["stateMachineVersionArn"]
    assert (rollback.live, executed) == (newer_version, rollback.previous)
    assert rollback.previous != newer_version


@pytest.fixture
def cluster(stack: Stack) -> Iterator[str]:
    """A cluster that waits for steps."""
    emr = boto3.client("emr")
    cluster_id = emr.run_job_flow(Name="other", Instances={"KeepJobFlowAliveWhenNoSteps": True})["JobFlowId"]
    yield cluster_id
    emr.terminate_job_flows(JobFlowIds=[cluster_id])


def test_the_local_cloud_refuses_what_it_does_not_implement(cluster: str) -> None:
    with pytest.raises(ClientError, match="no SageMaker operation ListEndpoints"):
        boto3.client("sagemaker").list_endpoints()
    emr = boto3.client("emr")
    hive = {"Name": "hive", "HadoopJarStep": {"Jar": "command-runner.jar", "Args": ["hive-script"]}}
    (step,) = emr.add_job_flow_steps(JobFlowId=cluster, Steps=[hive])["StepIds"]
    status = emr.describe_step(ClusterId=cluster, StepId=step)["Step"]["Status"]
    assert status["State"] == "FAILED"
    assert "hive-script" in status["FailureDetails"]["Message"]


def test_missing_data_fails_the_execution_and_sends_a_notification(first_runs: FirstRuns) -> None:
    assert (first_runs.missing.status, first_runs.missing.error) == ("FAILED", "DailyDataMissing")
    (message,) = first_runs.messages_about(first_runs.missing.arn)
    assert MISSING_SNAPSHOT in message


def test_the_schedule_starts_the_live_version(stack: Stack, first_runs: FirstRuns) -> None:
    assert first_runs.scheduled["stateMachineAliasArn"] == stack.deployment.ml_state_machine_arn
    assert (first_runs.scheduled["status"], first_runs.scheduled["error"]) == ("FAILED", "DailyDataMissing")


def test_an_invalid_snapshot_date_fails_before_a_cluster_starts(first_runs: FirstRuns) -> None:
    assert (first_runs.invalid.status, first_runs.invalid.error) == ("FAILED", "InvalidInputError")
    assert "CreateCluster" not in visited(first_runs.invalid)


def test_destroying_a_consumer_leaves_nothing(first_runs: FirstRuns, later_runs: LaterRuns) -> None:
    assert len(later_runs.resources) == 7
    later_runs.destroyed.result()
    assert first_runs.consumer.resources() == []


@pytest.mark.last
def test_a_missing_table_fails_the_etl_names_the_table_and_leaves_no_features(stack: Stack) -> None:
    s3 = boto3.client("s3")
    lake = stack.deployment.datalake_bucket
    for found in s3.list_objects_v2(Bucket=lake, Prefix=table_prefix(Window.T030))["Contents"]:
        s3.delete_object(Bucket=lake, Key=found["Key"])
    execution = stack.run_etl()
    assert execution.status == "FAILED"
    assert "TerminateCluster" in visited(execution)
    (notification,) = stack.deployment.notifications()
    assert table_name(Window.T030) in notification["Message"]
    assert running_clusters() == []
    assert stack.keys(s3_layout.features_prefix(SNAPSHOT_DATE)) == []
