"""A push is named after the items it writes: it is joined, reused while the table shows them, or repeated."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.stub import Stubber

from buyer_stage.domain.errors import InvalidInputError, InvalidManifestError
from lambdas.common import pushes
from lambdas.start_uploading_to_dynamo_db import handler as function
from tests.unit.lambdas.serving import JOB, create_job, described, leave_pending, publish, started_runs, state

Put = Callable[[str, str], None]
Metrics = Callable[[], dict[str, float]]


@pytest.fixture(autouse=True)
def glue_job(aws: None) -> None:
    """The Glue job."""
    create_job(function.glue)


@pytest.fixture
def run_name(event: dict[str, Any], context: Any) -> str:
    """The name of the first attempt, which is started."""
    name: str = function.handler(event, context)["run_name"]
    return name


def push(status: str, run_name: str | None, *, is_new: bool = False) -> dict[str, Any]:
    """Return the result that names a push."""
    return {"status": status, "run_name": run_name, "is_new": is_new}


def call(event: dict[str, Any], context: Any, *found: tuple[str, str], ended_ago: timedelta = timedelta()) -> Any:
    """Call the handler while Glue has these runs: name and state, the first started first."""
    with Stubber(function.glue) as stub:  # moto's runs never fail
        stub.add_response("get_job_runs", described(found, ended_ago), {"JobName": JOB})
        # Only these calls are expected: a start would be an error, unless a test expects it.
        return function.handler(event, context)


def started_after(event: dict[str, Any], context: Any, *found: tuple[str, str], **more: Any) -> bool:
    """Check whether the handler would start a run while Glue has these."""
    with pytest.MonkeyPatch.context() as patch:
        started: list[str] = []
        patch.setattr(pushes, "_start", lambda *arguments: bool(started.append(arguments[-1])) or True)
        result = call(event, context, *found, **more)
        assert result == push("RUNNING", started[0], is_new=True) if started else result["status"] != "RUNNING"
        return bool(started)


def test_run_knows_what_to_push_and_when_items_expire(
    event: dict[str, Any], context: Any, emitted_metrics: Metrics
) -> None:
    result = function.handler(event, context)
    assert emitted_metrics() == {"PushRunsStarted": 1}
    (arguments,) = started_runs(function.glue)
    assert result == push("RUNNING", arguments["--run_name"], is_new=True)
    assert result["run_name"].startswith("buy-test-push-")
    transform_job = event["transform_job_name"]
    assert arguments == {
        "--scriptLocation": "s3://buyer-stage-code/code/1a2b3c4d5e6f/glue/push_to_dynamodb.py",
        "--extra-py-files": "s3://buyer-stage-code/code/1a2b3c4d5e6f/libraries.zip",
        "--kind": "scores",
        "--snapshot_date": "20200130",
        "--served_on": "20200201",
        "--ttl_days": "5",
        "--transform_output": f"s3://buyer-stage-pipeline/inference-results/2020/01/30/{transform_job}/",
        "--model_version": event["model_version"],
        "--expected_line_count": "3",
        "--snapshots_before_stage_change": "1",
        "--run_name": result["run_name"],
        "--execution_name": "daily-2020-02-01",
    }


def test_reason_to_serve_a_day_anyway_is_passed_on_and_makes_another_push(
    event: dict[str, Any], context: Any, run_name: str
) -> None:
    second = function.handler({**event, "serve_anyway": "half of the portal is closed"}, context)["run_name"]
    assert second != run_name
    assert {run["--run_name"]: run.get("--serve_anyway") for run in started_runs(function.glue)} == {
        run_name: None,
        second: "half of the portal is closed",
    }


@pytest.mark.parametrize("reason", ["", "a" * 201])
def test_reason_that_the_state_machine_would_refuse_is_an_invalid_input(
    event: dict[str, Any], context: Any, reason: str
) -> None:
    with pytest.raises(InvalidInputError, match="serve_anyway"):
        function.handler({**event, "serve_anyway": reason}, context)


@pytest.mark.parametrize("state", ["WAITING", "STARTING", "RUNNING", "STOPPING"])
def test_running_push_of_the_same_items_is_joined(
    event: dict[str, Any], context: Any, run_name: str, emitted_metrics: Metrics, state: str
) -> None:
    emitted_metrics()
    later = {**event, "execution_name": "second", "execution_start_time": "2020-02-01T23:00:00.000Z"}
    assert call(later, context, (run_name, state)) == push("RUNNING", run_name)
    assert emitted_metrics() == {"PushRunsStarted": 0}


def test_failed_push_that_glue_is_about_to_retry_is_joined(event: dict[str, Any], context: Any, run_name: str) -> None:
    assert call(event, context, (run_name, "FAILED")) == push("RUNNING", run_name)


def test_failed_push_that_glue_has_not_retried_for_a_while_is_repeated(
    event: dict[str, Any], context: Any, run_name: str
) -> None:
    assert started_after(event, context, (run_name, "FAILED"), ended_ago=timedelta(minutes=16))
    assert not started_after(event, context, ("other", "FAILED"), ended_ago=timedelta(minutes=14))
    assert started_after(event, context, ("other", "FAILED"), ended_ago=timedelta(minutes=16))


def test_push_whose_state_is_live_is_reused(event: dict[str, Any], context: Any, run_name: str) -> None:
    publish(state(30, 2), 2, run_name)
    reused = push("SUCCEEDED", run_name)
    assert call(event, context, ("before", "SUCCEEDED"), (run_name, "SUCCEEDED")) == reused
    # A later push that was held, or stopped before it wrote anything, changes nothing.
    assert call(event, context, (run_name, "SUCCEEDED"), ("of-another-day", "SUCCEEDED")) == reused
    assert call(event, context, (run_name, "SUCCEEDED"), (f"{run_name[:-2]}-2", "STOPPED")) == reused


def test_push_whose_state_was_replaced_is_repeated(event: dict[str, Any], context: Any, run_name: str) -> None:
    publish(state(29, 3), 3, "rollback")
    assert started_after(event, context, (run_name, "SUCCEEDED"), ("rollback", "SUCCEEDED"))


def test_push_is_repeated_when_a_later_one_has_died_while_it_wrote(
    event: dict[str, Any], context: Any, run_name: str
) -> None:
    publish(state(30, 2), 2, run_name)
    leave_pending(state(31, 3))
    assert started_after(event, context, (run_name, "SUCCEEDED"), ("of-another-day", "STOPPED"))


def test_push_whose_events_were_not_all_sent_is_repeated(event: dict[str, Any], context: Any, run_name: str) -> None:
    publish(state(30, 2), 2, run_name, ("stage-changes/2020/01/30/000002-1/",))
    assert started_after(event, context, (run_name, "SUCCEEDED"))


def test_push_that_was_held_or_has_lost_lines_is_repeated(event: dict[str, Any], context: Any, run_name: str) -> None:
    assert started_after(event, context, (run_name, "SUCCEEDED")), "nothing was ever published"
    publish(state(29, 1), 1)
    assert started_after(event, context, (run_name, "SUCCEEDED"))


def test_push_that_failed_after_it_had_published_its_state_is_repeated(
    event: dict[str, Any], context: Any, run_name: str
) -> None:
    publish(state(30, 2), 2, run_name)
    assert started_after(event, context, (run_name, "TIMEOUT"))


@pytest.mark.parametrize("state", ["STOPPED", "TIMEOUT", "ERROR", "EXPIRED"])
def test_push_that_did_not_succeed_is_repeated_as_the_next_attempt(
    event: dict[str, Any], context: Any, run_name: str, state: str
) -> None:
    with Stubber(function.glue) as stub:
        stub.add_response("get_job_runs", described([(run_name, state)]))
        stub.add_response("start_job_run", {"JobRunId": "jr_2"})
        second = function.handler(event, context)
    assert second == push("RUNNING", f"{run_name[:-2]}-2", is_new=True)


@pytest.mark.parametrize("other", ["WAITING", "STARTING", "RUNNING", "STOPPING", "FAILED"])
def test_another_push_in_progress_is_waited_for(event: dict[str, Any], context: Any, run_name: str, other: str) -> None:
    publish(state(30, 2), 2, run_name)
    waiting = push("WAITING", None)
    assert call(event, context, ("of-another-day", other)) == waiting
    assert call(event, context, (run_name, "SUCCEEDED"), ("of-another-day", other)) == waiting


def test_two_executions_at_once_start_one_push_and_share_it(
    event: dict[str, Any], context: Any, run_name: str, emitted_metrics: Metrics
) -> None:
    """The second one has seen no run, because the first one had not started it."""
    emitted_metrics()
    second = {**event, "execution_name": "second"}
    with Stubber(function.glue) as stub:
        stub.add_response("get_job_runs", described([]))
        stub.add_client_error("start_job_run", "ConcurrentRunsExceededException", "one run at a time")
        assert function.handler(second, context) == push("WAITING", None)
    assert emitted_metrics() == {"PushRunsStarted": 0}
    assert call(second, context, (run_name, "RUNNING")) == push("RUNNING", run_name)
    publish(state(30, 2), 2, run_name)
    assert call(second, context, (run_name, "SUCCEEDED")) == push("SUCCEEDED", run_name)


def test_push_that_ends_while_the_function_looks_is_not_repeated(
    event: dict[str, Any], context: Any, run_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(state(29, 1), 1)
    load = pushes.load_document

    def load_after_the_end(*arguments: Any) -> Any:
        publish(state(30, 2), 2, run_name)
        return load(*arguments)

    monkeypatch.setattr(pushes, "load_document", load_after_the_end)
    assert call(event, context, (run_name, "RUNNING")) == push("RUNNING", run_name)


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
    publish(state(30, 2), 2, run_name)
    assert started_after({**event, **change}, context, (run_name, "SUCCEEDED"))
    assert call({**event, **change}, context, (run_name, "RUNNING"))["status"] == "WAITING"


def test_run_that_a_person_started_without_a_name_is_waited_for(event: dict[str, Any], context: Any) -> None:
    with Stubber(function.glue) as stub:
        run = {"Id": "jr_1", "JobRunState": "RUNNING", "StartedOn": datetime.now(UTC)}
        stub.add_response("get_job_runs", {"JobRuns": [run]})
        assert function.handler(event, context)["status"] == "WAITING"


def test_damaged_publication_is_an_error_that_names_it(event: dict[str, Any], context: Any, put: Put) -> None:
    put("serving/current.json", json.dumps({"sequence": 1}))
    with pytest.raises(InvalidManifestError, match=r"serving/current.json is damaged: kind: Field required"):
        function.handler(event, context)


def test_start_time_without_time_zone_is_an_invalid_input(event: dict[str, Any], context: Any) -> None:
    with pytest.raises(InvalidInputError, match="execution_start_time"):
        function.handler({**event, "execution_start_time": "2020-02-01T10:00:00"}, context)
