"""An execution starts one run of the one Glue job."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.stub import Stubber

from buyer_stage.domain.errors import InvalidInputError
from lambdas.start_uploading_to_dynamo_db import handler as function

JOB = "buyer-stage-push"


@pytest.fixture(autouse=True)
def glue_job(aws: None) -> None:
    """The Glue job as Terraform would have created it."""
    function.glue.create_job(
        Name=JOB,
        Role="arn:aws:iam::123456789012:role/glue",
        Command={"Name": "glueetl"},
        ExecutionProperty={"MaxConcurrentRuns": 2},
    )


def runs() -> list[dict[str, Any]]:
    """Return all runs of the job."""
    return [dict(run) for run in function.glue.get_job_runs(JobName=JOB)["JobRuns"]]


def test_run_knows_what_to_push_and_when_items_expire(
    event: dict[str, Any], context: Any, emitted_metrics: Callable[[], dict[str, float]]
) -> None:
    result = function.handler(event, context)
    assert emitted_metrics() == {"PushRunsStarted": 1}
    (run,) = runs()
    assert result == {"job_run_id": run["Id"], "run_name": run["Arguments"]["--run_name"]}
    transform_job = event["transform_job_name"]
    assert run["Arguments"] == {
        "--scriptLocation": "s3://buyer-stage-code/code/1a2b3c4d5e6f/glue/push_to_dynamodb.py",
        "--extra-py-files": "s3://buyer-stage-code/code/1a2b3c4d5e6f/libraries.zip",
        "--transform_output": f"s3://buyer-stage-pipeline/inference-results/2020/01/30/{transform_job}/",
        "--pipeline_bucket": "s3://buyer-stage-pipeline",
        "--snapshot_date": "20200130",
        "--model_version": event["model_version"],
        "--expires_at_epoch_seconds": "1580983200",  # 2020-02-06T10:00:00Z: five days after the start
        "--ttl_days": "5",
        "--expected_line_count": "3",
        "--run_name": result["run_name"],
    }


def test_retry_finds_the_run_that_was_started(
    event: dict[str, Any], context: Any, emitted_metrics: Callable[[], dict[str, float]]
) -> None:
    first = function.handler(event, context)
    assert emitted_metrics() == {"PushRunsStarted": 1}
    assert function.handler(event, context) == first
    assert emitted_metrics() == {"PushRunsStarted": 0}
    assert len(runs()) == 1


def test_another_execution_gets_another_run(event: dict[str, Any], context: Any) -> None:
    first = function.handler(event, context)
    second = function.handler({**event, "execution_name": "daily-2020-02-02"}, context)
    assert first["run_name"] != second["run_name"]
    assert len(runs()) == 2


def test_failed_run_of_the_execution_is_left_to_glue_to_retry(event: dict[str, Any], context: Any) -> None:
    run_name = function.handler(event, context)["run_name"]
    started = datetime(2020, 2, 1, 10, tzinfo=UTC)
    failed = {"Id": "jr_1", "JobRunState": "FAILED", "StartedOn": started, "Arguments": {"--run_name": run_name}}
    with Stubber(function.glue) as stub:  # moto's runs never fail
        stub.add_response("get_job_runs", {"JobRuns": [failed]}, {"JobName": JOB})
        assert function.handler(event, context)["job_run_id"] == "jr_1"


def test_start_time_without_time_zone_is_an_invalid_input(event: dict[str, Any], context: Any) -> None:
    with pytest.raises(InvalidInputError, match="execution_start_time"):
        function.handler({**event, "execution_start_time": "2020-02-01T10:00:00"}, context)
