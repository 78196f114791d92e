"""The whole pipeline on the local cloud at small size, and how it fails."""

from datetime import timedelta
from typing import Any

import boto3
import pyarrow.compute
import pyarrow.parquet
import pytest
from botocore.exceptions import ClientError

from buyer_stage.domain import s3_layout
from buyer_stage.domain.datalake import partition_prefix, table_name, table_prefix
from buyer_stage.domain.stages import Stage
from buyer_stage.domain.windows import Window
from localcloud.demo.data_lake import count_distinct_members
from localcloud.deployment import upload_data_lake
from sample_data.generate import generate
from tests.local_stack import LABELED_DATE, MEMBERS, MISSING_SNAPSHOT, SNAPSHOT_DATE, FirstRuns, Stack
from tools.execution import Execution
from tools.models import list_models
from tools.rollback import find_rollback, roll_back


def visited(record: Execution) -> list[str]:
    return [visit.name for visit in record.visits]


def running_clusters() -> list[Any]:
    states = ["STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING", "TERMINATING"]
    return boto3.client("emr").list_clusters(ClusterStates=states)["Clusters"]


def test_the_first_run_trains_scores_and_serves_every_member(stack: Stack, first_runs: FirstRuns) -> None:
    assert [record.status for record in (first_runs.etl, first_runs.ml)] == ["SUCCEEDED", "SUCCEEDED"]
    assert "CreateAndSaveModel" in visited(first_runs.ml)
    items = first_runs.items
    assert len(items) == count_distinct_members(stack.data_lake, SNAPSHOT_DATE)
    for item in items.values():
        assert Stage(item["value"])
        assert item["confidence"] == item["probabilities"][item["value"]]
        assert sum(item["probabilities"].values()) == pytest.approx(1, abs=1e-3)
        assert item["snapshot_date"] == "2026-05-20"
        assert item["model_version"].startswith("buyer-stage-automl-")
        assert item["ttl"] > 0
    assert running_clusters() == []
    assert first_runs.notifications == []


def test_a_second_run_finds_the_model_and_changes_nothing_but_the_ttl(first_runs: FirstRuns) -> None:
    assert first_runs.again.status == "SUCCEEDED"
    assert "StartAutoML" not in visited(first_runs.again)
    before, after = first_runs.items, first_runs.items_again
    assert [{**item, "ttl": 0} for item in after.values()] == [{**before[member], "ttl": 0} for member in after]
    assert all(item["ttl"] > before[member]["ttl"] for member, item in after.items())


NEXT_DATE = SNAPSHOT_DATE + timedelta(days=1)


@pytest.fixture(scope="module")
def next_run(stack: Stack, first_runs: FirstRuns) -> Execution:
    """Score the day after, on which members have searched twenty times as often in one window."""
    lake = stack.data_lake.parent / "next"
    generate(lake, MEMBERS, NEXT_DATE, LABELED_DATE, 7)
    for file in (lake / partition_prefix(Window.T007, NEXT_DATE)).glob("*.parquet"):
        table = pyarrow.parquet.read_table(file)
        column = table.schema.get_field_index("total_searches")
        busier = pyarrow.compute.multiply(table["total_searches"], 20)
        pyarrow.parquet.write_table(table.set_column(column, table.schema.field(column), busier), file)
    upload_data_lake(lake, stack.deployment.datalake_bucket)
    snapshot = {"snapshot_date": f"{NEXT_DATE:%Y%m%d}"}
    assert stack.run_etl(**snapshot).status == "SUCCEEDED"
    return stack.run_ml(**snapshot)


def test_a_snapshot_is_compared_with_the_training_and_with_the_one_before(
    stack: Stack, first_runs: FirstRuns, next_run: Execution
) -> None:
    assert (first_runs.ml.output["drift"]["is_drifted"], first_runs.ml.output["drift"]["flip_rate"]) == (False, None)
    assert next_run.status == "SUCCEEDED"
    report = stack.document(next_run.output["drift"]["report"])
    before, day = first_runs.items_again, NEXT_DATE.isoformat()
    after = {member: item for member, item in stack.items().items() if item["snapshot_date"] == day}
    changed = [after[member]["value"] != before[member]["value"] for member in after.keys() & before.keys()]
    assert report["flip_rate"] == pytest.approx(sum(changed) / len(changed))
    assert report["changes"]["previous_snapshot_date"] == SNAPSHOT_DATE.isoformat()
    assert report["is_drifted"]
    significant = [
        (feature, window)
        for feature, shifts in report["features"].items()
        for window, shift in shifts.items()
        if shift["level"] == "significant"
    ]
    assert significant == [("total_searches", "t007")]


def test_every_figure_that_has_an_alarm_is_measured(stack: Stack, next_run: Execution) -> None:
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
    assert len(watched) >= 4
    assert watched - stack.measured() == set()


def test_a_model_that_somebody_took_away_fails_the_execution_by_its_own_name(
    stack: Stack, first_runs: FirstRuns
) -> None:
    sagemaker = boto3.client("sagemaker")
    model = sagemaker.describe_model(ModelName=first_runs.ml.output["model"]["model_name"])
    sagemaker.delete_model(ModelName=model["ModelName"])
    record = stack.run_ml()
    sagemaker.create_model(
        **{name: model[name] for name in ("ModelName", "ExecutionRoleArn", "Containers", "EnableNetworkIsolation")}
    )
    assert (record.status, record.error) == ("FAILED", "ModelError")
    assert visited(record).count("CheckModelAvailability") == 1
    (notification,) = stack.deployment.notifications()
    assert "is gone from SageMaker; `make delete-model`" in notification["Message"]


def test_a_challenger_that_is_no_better_leaves_the_scoring_to_the_champion(stack: Stack, first_runs: FirstRuns) -> None:
    champion = first_runs.ml.output["model"]["model_version"]
    record = stack.run_ml(retrain=True)
    assert record.status == "SUCCEEDED"
    assert record.output["model"]["model_version"] == champion
    challenger, *_ = list_models(boto3.client("sagemaker"), "local")
    assert (challenger.version != champion, challenger.status) == (True, "PendingManualApproval")
    assert "not clearly better than the champion" in challenger.verdict
    assert s3_layout.model_card_text_key(challenger.version) in stack.keys("best-model/")
    assert {item["model_version"] for item in stack.items().values()} == {champion}


def test_a_member_moved_to_another_split_stops_the_training(stack: Stack, first_runs: FirstRuns) -> None:
    s3, bucket = boto3.client("s3"), stack.deployment.pipeline_bucket
    (train,), (validation,) = stack.keys(s3_layout.TRAINING_PREFIX), stack.keys(s3_layout.VALIDATION_PREFIX)
    before = {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in (train, validation)}
    header, moved, *rest = before[train].splitlines(keepends=True)
    s3.put_object(Bucket=bucket, Key=train, Body=header + b"".join(rest))
    s3.put_object(Bucket=bucket, Key=validation, Body=before[validation] + moved)
    record = stack.run_ml(retrain=True)
    for key, body in before.items():
        s3.put_object(Bucket=bucket, Key=key, Body=body)
    assert (record.status, record.error) == ("FAILED", "LabeledSetError")
    assert "StartAutoML" not in visited(record)
    assert "CheckDrift" in visited(record), "the model in use has served the members all the same"
    (notification,) = stack.deployment.notifications()
    assert "in the channel of another split: 1, such as" in notification["Message"]


def test_a_rollback_starts_the_version_before(stack: Stack, first_runs: FirstRuns) -> None:
    client = boto3.client("stepfunctions")
    alias_arn = stack.deployment.ml_state_machine_arn
    machine_arn = alias_arn.rpartition(":")[0]
    deployed = client.describe_state_machine(stateMachineArn=machine_arn)
    newer = client.update_state_machine(
        stateMachineArn=machine_arn, definition=deployed["definition"].replace("Daily:", "Every day:"), publish=True
    )["stateMachineVersionArn"]
    routing = [{"stateMachineVersionArn": newer, "weight": 100}]
    client.update_state_machine_alias(stateMachineAliasArn=alias_arn, routingConfiguration=routing)
    rollback = find_rollback(client, machine_arn)
    roll_back(client, rollback)
    record = stack.run_ml(snapshot_date=MISSING_SNAPSHOT)
    executed = client.describe_execution(executionArn=record.arn)["stateMachineVersionArn"]
    client.update_state_machine(stateMachineArn=machine_arn, definition=deployed["definition"])
    client.delete_state_machine_version(stateMachineVersionArn=newer)
    stack.deployment.notifications()
    assert (rollback.live, executed) == (newer, rollback.previous)
    assert rollback.previous != newer


def test_what_the_local_cloud_does_not_know_is_an_error_and_no_success(stack: Stack) -> None:
    with pytest.raises(ClientError, match="no SageMaker operation ListEndpoints"):
        boto3.client("sagemaker").list_endpoints()
    emr = boto3.client("emr")
    cluster = emr.run_job_flow(Name="other", Instances={"KeepJobFlowAliveWhenNoSteps": True})["JobFlowId"]
    hive = {"Name": "hive", "HadoopJarStep": {"Jar": "command-runner.jar", "Args": ["hive-script"]}}
    (step,) = emr.add_job_flow_steps(JobFlowId=cluster, Steps=[hive])["StepIds"]
    status = emr.describe_step(ClusterId=cluster, StepId=step)["Step"]["Status"]
    emr.terminate_job_flows(JobFlowIds=[cluster])
    assert status["State"] == "FAILED"
    assert "hive-script" in status["FailureDetails"]["Message"]


def test_missing_data_is_notified_and_fails_the_execution(first_runs: FirstRuns) -> None:
    record = first_runs.missing
    assert (record.status, record.error) == ("FAILED", "DailyDataMissing")
    (notification,) = first_runs.notifications_of_missing
    assert MISSING_SNAPSHOT in notification["Message"]
    assert record.arn in notification["Message"]


def test_the_schedule_starts_the_live_version(stack: Stack, first_runs: FirstRuns) -> None:
    assert first_runs.scheduled["stateMachineAliasArn"] == stack.deployment.ml_state_machine_arn
    assert (first_runs.scheduled["status"], first_runs.scheduled["error"]) == ("FAILED", "DailyDataMissing")


def test_an_impossible_snapshot_date_fails_before_anything_starts(first_runs: FirstRuns) -> None:
    record = first_runs.impossible
    assert (record.status, record.error) == ("FAILED", "InvalidInputError")
    assert "CreateCluster" not in visited(record)
    assert len(first_runs.notifications_of_impossible) == 1


@pytest.mark.last
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


def test_the_receipt_accounts_for_every_record(stack: Stack, first_runs: FirstRuns) -> None:
    run_name = first_runs.ml.output["upload"]["run_name"]
    receipt = stack.document(s3_layout.push_receipt_key(SNAPSHOT_DATE, run_name))
    assert receipt["read"] == receipt["written"] == count_distinct_members(stack.data_lake, SNAPSHOT_DATE)
    assert receipt["quarantined"] == receipt["failed"] == 0
