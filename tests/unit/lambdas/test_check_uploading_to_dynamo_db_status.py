"""A push is done when its receipt accounts for every scored line."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from botocore.stub import Stubber

from buyer_stage.domain.documents import PushReceipt, StageChanges, to_json
from buyer_stage.domain.errors import InvalidManifestError, JobFailedError, ScoredLinesLostError
from lambdas.check_uploading_to_dynamo_db_status import handler as function

JOB = "buyer-stage-push"
DAY = date(2020, 1, 30)
Put = Callable[[str, str], None]
Metrics = Callable[[], dict[str, float]]
RUNNING = {"status": "RUNNING", "read": None, "written": None, "quarantined": None, "failed": None, "suppressed": None}


def run(run_id: str, state: str, run_name: str, *, attempt: int = 0, **more: str) -> dict[str, Any]:
    """Return a run as Glue describes it; moto's runs always succeed."""
    started = datetime(2020, 2, 1, 10, attempt, tzinfo=UTC)
    ended = {"CompletedOn": datetime.now(UTC)} if state == "FAILED" else {}
    arguments = {"--run_name": run_name}
    return {
        "Id": run_id,
        "JobRunState": state,
        "StartedOn": started,
        "Attempt": attempt,
        "Arguments": arguments,
        **ended,
        **more,
    }


def call(event: dict[str, Any], context: Any, *states: str, **more: str) -> Any:
    """Call the handler while the run and its retries by Glue are in these states."""
    runs = [run(f"jr_{n}", state, event["run_name"], attempt=n, **more) for n, state in enumerate(states)]
    stranger = run("jr_stranger", "FAILED", "another-execution", attempt=9)
    with Stubber(function.glue) as stub:
        stub.add_response("get_job_runs", {"JobRuns": [stranger, *runs]}, {"JobName": JOB})
        return function.handler(event, context)


def put_receipt(
    put: Put, event: dict[str, Any], *, read: int, written: int, quarantined: int, failed: int, suppressed: int = 0
) -> None:
    """Write the receipt of the event's run."""
    stages = {"Dreamer": written, "Ready To Transact": 0}
    changes = StageChanges(None, 0, {}, 0)
    receipt = PushReceipt(DAY, 3, read, written, quarantined, failed, stages, stages, changes, (), suppressed)
    put(f"push-receipts/2020/01/30/{event['run_name']}.json", to_json(receipt))


@pytest.mark.parametrize("state", ["WAITING", "STARTING", "RUNNING", "STOPPING"])
def test_unfinished_run_is_running(event: dict[str, Any], context: Any, emitted_metrics: Metrics, state: str) -> None:
    assert call(event, context, state) == RUNNING
    assert emitted_metrics() == {"PushRunsInProgress": 1}


def test_succeeded_run_returns_the_counts_of_its_receipt(
    event: dict[str, Any], context: Any, put: Put, emitted_metrics: Metrics
) -> None:
    put_receipt(put, event, read=3, written=1, quarantined=1, failed=0, suppressed=1)
    assert call(event, context, "SUCCEEDED") == {
        "status": "SUCCEEDED", "read": 3, "written": 1, "quarantined": 1, "failed": 0, "suppressed": 1,
    }  # fmt: skip
    assert emitted_metrics() == {
        "PushRunsInProgress": 0, "ScoredLinesRead": 3, "ScoredLinesWritten": 1, "ScoredLinesQuarantined": 1,
        "ScoredLinesFailed": 0, "ScoredLinesSuppressed": 1, "MembersDreamer": 1, "MembersReadyToTransact": 0,
    }  # fmt: skip


@pytest.mark.parametrize("state", ["TIMEOUT", "STOPPED", "ERROR", "EXPIRED"])
def test_run_that_ended_without_success_is_an_error_with_the_reason(
    event: dict[str, Any], context: Any, emitted_metrics: Metrics, state: str
) -> None:
    with pytest.raises(JobFailedError, match=f"jr_0 is {state}: out of workers; read"):
        call(event, context, state, ErrorMessage="out of workers")
    assert emitted_metrics() == {"PushRunsInProgress": 0}


def test_failed_run_that_glue_is_about_to_retry_is_running(
    event: dict[str, Any], context: Any, emitted_metrics: Metrics
) -> None:
    assert call(event, context, "FAILED") == RUNNING
    assert emitted_metrics() == {"PushRunsInProgress": 1}


def test_failed_run_that_glue_retries_is_running(event: dict[str, Any], context: Any) -> None:
    assert call(event, context, "FAILED", "RUNNING") == RUNNING


def test_retry_that_succeeds_makes_the_push_succeed(event: dict[str, Any], context: Any, put: Put) -> None:
    put_receipt(put, event, read=3, written=3, quarantined=0, failed=0)
    assert call(event, context, "FAILED", "SUCCEEDED")["status"] == "SUCCEEDED"


def test_failed_last_retry_is_an_error(event: dict[str, Any], context: Any) -> None:
    with pytest.raises(JobFailedError, match="jr_1 is FAILED: Glue gives no reason"):
        call(event, context, "FAILED", "FAILED")


def test_unknown_run_is_an_error(event: dict[str, Any], context: Any) -> None:
    with pytest.raises(JobFailedError, match=f"no run {event['run_name']}"):
        call(event, context)


def test_success_without_receipt_is_an_error(event: dict[str, Any], context: Any) -> None:
    with pytest.raises(JobFailedError, match=r"jr_0 has ended without push-receipts/2020/01/30/.*; read the error"):
        call(event, context, "SUCCEEDED")


@pytest.mark.parametrize(
    ("read", "written", "quarantined", "failed"), [(3, 2, 0, 0), (3, 2, 0, 1), (2, 2, 1, 0), (2, 2, 0, 0)]
)
def test_receipt_that_loses_scored_lines_is_an_error(
    event: dict[str, Any],
    context: Any,
    put: Put,
    emitted_metrics: Metrics,
    read: int,
    written: int,
    quarantined: int,
    failed: int,
) -> None:
    put_receipt(put, event, read=read, written=written, quarantined=quarantined, failed=failed)
    with pytest.raises(
        ScoredLinesLostError, match=rf"{event['run_name']} lost scored lines: .*{read} read of 3 expected"
    ):
        call(event, context, "SUCCEEDED")
    assert emitted_metrics() == {
        "PushRunsInProgress": 0, "ScoredLinesRead": read, "ScoredLinesWritten": written,
        "ScoredLinesQuarantined": quarantined, "ScoredLinesFailed": failed, "ScoredLinesSuppressed": 0,
        "MembersDreamer": written, "MembersReadyToTransact": 0,
    }  # fmt: skip


def test_damaged_receipt_is_an_error_that_names_it(event: dict[str, Any], context: Any, put: Put) -> None:
    put(f"push-receipts/2020/01/30/{event['run_name']}.json", "[]")
    with pytest.raises(InvalidManifestError, match=r"push-receipts/2020/01/30/.* is damaged"):
        call(event, context, "SUCCEEDED")
