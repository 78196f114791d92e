"""A push is named after the items it writes: it is joined, reused while the table shows them, or repeated."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.stub import Stubber

from buyer_stage.domain.documents import PushReceipt, StageChanges, to_json
from buyer_stage.domain.errors import InvalidInputError
from lambdas.start_uploading_to_dynamo_db import handler as function

JOB = "buyer-stage-push"
Put = Callable[[str, str], None]


@pytest.fixture(autouse=True)
def glue_job(aws: None) -> None:
    """The Glue job as Terraform would have created it, but for the concurrency: moto's runs take no time."""
    function.glue.create_job(
        Name=JOB,
        Role="arn:aws:iam::123456789012:role/glue",
        Command={"Name": "glueetl"},
        ExecutionProperty={"MaxConcurrentRuns": 9},
    )


@pytest.fixture
def run_name(event: dict[str, Any], context: Any) -> str:
    """The name of the first attempt, which is started."""
    name: str = function.handler(event, context)["run_name"]
    return name


def runs() -> list[dict[str, Any]]:
    """Return all runs of the job."""
    return [dict(run) for run in function.glue.get_job_runs(JobName=JOB)["JobRuns"]]


def put_receipt(put: Put, run_name: str, *, written: int) -> None:
    """Write the receipt of a run that has read three lines."""
    receipt = PushReceipt(
        datetime(2020, 1, 30, tzinfo=UTC).date(), 3, 3, written, 0, 0, {}, {}, StageChanges(None, 0, {}, 0), ()
    )
    put(f"push-receipts/2020/01/30/{run_name}.json", to_json(receipt))


def call(event: dict[str, Any], context: Any, *found: tuple[str, str], ended_ago: timedelta = timedelta()) -> Any:
    """Call the handler while Glue has these runs: name and state, the first started first."""
    described = [
        {
            "Id": f"jr_{number}",
            "JobRunState": state,
            "StartedOn": datetime(2020, 2, 1, 10, number, tzinfo=UTC),
            "CompletedOn": datetime.now(UTC) - ended_ago,
            "Arguments": {"--run_name": name},
        }
        for number, (name, state) in enumerate(found)
    ]
    with Stubber(function.glue) as stub:  # moto's runs never fail
        stub.add_response("get_job_runs", {"JobRuns": described[::-1]}, {"JobName": JOB})
        # Only these calls are expected: a start would be an error, unless a test expects it.
        return function.handler(event, context)


def started_after(event: dict[str, Any], context: Any, *found: tuple[str, str], **more: Any) -> bool:
    """Check whether the handler would start a run while Glue has these."""
    with pytest.MonkeyPatch.context() as patch:
        started: list[str] = []
        patch.setattr(function, "_start", lambda _, name: bool(started.append(name)) or True)
        result = call(event, context, *found, **more)
        assert result == {"status": "RUNNING", "run_name": started[0]} if started else result["status"] != "RUNNING"
        return bool(started)


def test_run_knows_what_to_push_and_when_items_expire(
    event: dict[str, Any], context: Any, emitted_metrics: Callable[[], dict[str, float]]
) -> None:
    result = function.handler(event, context)
    assert emitted_metrics() == {"PushRunsStarted": 1}
    (run,) = runs()
    assert result == {"status": "RUNNING", "run_name": run["Arguments"]["--run_name"]}
    assert result["run_name"].startswith("buy-test-push-")
    transform_job = event["transform_job_name"]
    assert run["Arguments"] == {
        "--scriptLocation": "s3://buyer-stage-code/code/1a2b3c4d5e6f/glue/push_to_dynamodb.py",
        "--extra-py-files": "s3://buyer-stage-code/code/1a2b3c4d5e6f/libraries.zip",
        "--transform_output": f"s3://buyer-stage-pipeline/inference-results/2020/01/30/{transform_job}/",
        "--pipeline_bucket": "s3://buyer-stage-pipeline",
        "--snapshot_date": "20200130",
        "--model_version": event["model_version"],
        "--expires_at_epoch_seconds": "1581033600",  # 2020-02-07T00:00:00Z: the end of the fifth day after the start
        "--ttl_days": "5",
        "--snapshots_before_stage_change": "1",
        "--expected_line_count": "3",
        "--run_name": result["run_name"],
    }


@pytest.mark.parametrize("state", ["WAITING", "STARTING", "RUNNING", "STOPPING"])
def test_running_push_of_the_same_items_is_joined(
    event: dict[str, Any],
    context: Any,
    run_name: str,
    emitted_metrics: Callable[[], dict[str, float]],
    state: str,
) -> None:
    emitted_metrics()
    later = {**event, "execution_name": "second", "execution_start_time": "2020-02-01T23:00:00.000Z"}
    assert call(later, context, (run_name, state)) == {"status": "RUNNING", "run_name": run_name}
    assert emitted_metrics() == {"PushRunsStarted": 0}


def test_failed_push_that_glue_is_about_to_retry_is_joined(event: dict[str, Any], context: Any, run_name: str) -> None:
    assert call(event, context, (run_name, "FAILED")) == {"status": "RUNNING", "run_name": run_name}


def test_failed_push_that_glue_has_not_retried_for_a_while_is_repeated(
    event: dict[str, Any], context: Any, run_name: str
) -> None:
    assert started_after(event, context, (run_name, "FAILED"), ended_ago=timedelta(minutes=16))
    assert not started_after(event, context, ("other", "FAILED"), ended_ago=timedelta(minutes=14))
    assert started_after(event, context, ("other", "FAILED"), ended_ago=timedelta(minutes=16))


def test_push_that_the_table_still_shows_is_reused(
    event: dict[str, Any], context: Any, put: Put, run_name: str
) -> None:
    put_receipt(put, run_name, written=3)
    assert call(event, context, ("before", "SUCCEEDED"), (run_name, "SUCCEEDED")) == {
        "status": "SUCCEEDED",
        "run_name": run_name,
    }


@pytest.mark.parametrize("state", ["SUCCEEDED", "STOPPED"])
def test_push_is_repeated_after_another_run_has_written(
    event: dict[str, Any], context: Any, put: Put, run_name: str, state: str
) -> None:
    put_receipt(put, run_name, written=3)
    assert started_after(event, context, (run_name, "SUCCEEDED"), ("of-another-day", state))


@pytest.mark.parametrize("state", ["STOPPED", "TIMEOUT", "ERROR", "EXPIRED"])
def test_push_that_did_not_succeed_is_repeated_as_the_next_attempt(
    event: dict[str, Any], context: Any, run_name: str, state: str
) -> None:
    with Stubber(function.glue) as stub:
        run = {"Id": "jr_1", "JobRunState": state, "StartedOn": datetime.now(UTC)}
        stub.add_response("get_job_runs", {"JobRuns": [{**run, "Arguments": {"--run_name": run_name}}]})
        stub.add_response("start_job_run", {"JobRunId": "jr_2"})
        second = function.handler(event, context)
    assert second == {"status": "RUNNING", "run_name": f"{run_name[:-2]}-2"}


def test_push_that_lost_lines_is_repeated(event: dict[str, Any], context: Any, put: Put, run_name: str) -> None:
    assert started_after(event, context, (run_name, "SUCCEEDED"))
    put_receipt(put, run_name, written=2)
    assert started_after(event, context, (run_name, "SUCCEEDED"))
    put(f"push-receipts/2020/01/30/{run_name}.json", "damaged")
    assert started_after(event, context, (run_name, "SUCCEEDED"))


@pytest.mark.parametrize("state", ["WAITING", "STARTING", "RUNNING", "STOPPING", "FAILED"])
def test_another_push_in_progress_is_waited_for(
    event: dict[str, Any], context: Any, put: Put, run_name: str, state: str
) -> None:
    put_receipt(put, run_name, written=3)
    waiting = {"status": "WAITING", "run_name": None}
    assert call(event, context, ("of-another-day", state)) == waiting
    assert call(event, context, (run_name, "SUCCEEDED"), ("of-another-day", state)) == waiting


def test_push_that_another_execution_starts_at_the_same_moment_is_waited_for(
    event: dict[str, Any], context: Any, emitted_metrics: Callable[[], dict[str, float]]
) -> None:
    with Stubber(function.glue) as stub:
        stub.add_response("get_job_runs", {"JobRuns": []})
        stub.add_client_error("start_job_run", "ConcurrentRunsExceededException", "one run at a time")
        assert function.handler(event, context) == {"status": "WAITING", "run_name": None}
    assert emitted_metrics() == {"PushRunsStarted": 0}


@pytest.mark.parametrize(
    "change",
    [
        {"transform_job_name": "buy-test-transform-0123456789-2"},
        {"snapshot_date": "20200131"},
        {"execution_start_time": "2020-02-02T00:00:00.000Z"},
    ],
)
def test_other_items_are_another_push(
    event: dict[str, Any], context: Any, run_name: str, change: dict[str, str]
) -> None:
    assert started_after({**event, **change}, context, (run_name, "SUCCEEDED"))
    assert call({**event, **change}, context, (run_name, "RUNNING"))["status"] == "WAITING"


def test_run_that_a_person_started_without_a_name_is_waited_for(event: dict[str, Any], context: Any) -> None:
    with Stubber(function.glue) as stub:
        run = {"Id": "jr_1", "JobRunState": "RUNNING", "StartedOn": datetime.now(UTC)}
        stub.add_response("get_job_runs", {"JobRuns": [run]})
        assert function.handler(event, context)["status"] == "WAITING"


def test_start_time_without_time_zone_is_an_invalid_input(event: dict[str, Any], context: Any) -> None:
    with pytest.raises(InvalidInputError, match="execution_start_time"):
        function.handler({**event, "execution_start_time": "2020-02-01T10:00:00"}, context)
