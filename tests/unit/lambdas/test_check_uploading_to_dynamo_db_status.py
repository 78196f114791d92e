"""A push is done when its receipt accounts for every line. A day that breaks rules is held, and the error says why."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from botocore.stub import Stubber

from buyer_stage.domain.audit import SNAPSHOT_DATE_RULE, RuleResult
from buyer_stage.domain.documents import to_json
from buyer_stage.domain.errors import InvalidManifestError, JobFailedError, ScoredLinesLostError, ScoresHeldError
from buyer_stage.domain.serving_documents import PushKind, PushReceipt, StageChanges
from lambdas.check_uploading_to_dynamo_db_status import handler as function
from tools.repository import REPOSITORY

JOB = "buyer-stage-push"
DAY = date(2020, 1, 30)
Put = Callable[[str, str], None]
Metrics = Callable[[], dict[str, float]]
COUNTS = ("read", "written", "unchanged", "quarantined", "failed", "suppressed", "changed_items")
RUNNING = {"status": "RUNNING", **dict.fromkeys(COUNTS)}


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


def put_receipt(put: Put, event: dict[str, Any], *, kind: PushKind = PushKind.SCORES, **counts: Any) -> None:
    """Write the receipt of the event's run, which expects three lines."""
    stages = {"Dreamer": 2, "Ready To Transact": 0}
    given = {"expected": 3, "read": 3, "changes": StageChanges(None, 0, {}, 0), "stages": stages, **counts}
    receipt = PushReceipt(DAY, kind, 2, **given)
    put(f"push-receipts/2020/01/30/{event['run_name']}.json", to_json(receipt))


@pytest.mark.parametrize("state", ["WAITING", "STARTING", "RUNNING", "STOPPING"])
def test_unfinished_run_is_running(event: dict[str, Any], context: Any, emitted_metrics: Metrics, state: str) -> None:
    assert call(event, context, state) == RUNNING
    assert emitted_metrics() == {"PushRunsInProgress": 1}


def test_succeeded_run_returns_the_counts_of_its_receipt(
    event: dict[str, Any], context: Any, put: Put, emitted_metrics: Metrics
) -> None:
    put_receipt(
        put, event, expected=7, read=7, written=3, unchanged=2, quarantined=1, suppressed=1, corrected=4, deleted=5
    )
    assert call(event, context, "SUCCEEDED") == {
        "status": "SUCCEEDED", "read": 7, "written": 3, "unchanged": 2, "quarantined": 1, "failed": 0, "suppressed": 1,
        "changed_items": 12,
    }  # fmt: skip
    assert emitted_metrics() == {
        "PushRunsInProgress": 0, "ScoredLinesRead": 7, "ScoredLinesWritten": 3, "ScoredLinesUnchanged": 2,
        "ScoredLinesQuarantined": 1, "ScoredLinesFailed": 0, "ScoredLinesSuppressed": 1, "DaysHeld": 0,
        "ChangeEventsSent": 0, "ChangeEventsFailed": 0,
        "ItemsDeleted": 5, "ItemsCorrected": 4, "MembersDreamer": 2, "MembersReadyToTransact": 0,
    }  # fmt: skip


def test_rollback_counts_items_but_no_scored_lines(
    event: dict[str, Any], context: Any, put: Put, emitted_metrics: Metrics
) -> None:
    put_receipt(put, event, kind=PushKind.ROLLBACK, written=1, unchanged=2, deleted=2)
    result = call(event, context, "SUCCEEDED")
    assert (result["status"], result["changed_items"]) == ("SUCCEEDED", 3)
    assert emitted_metrics() == {
        "PushRunsInProgress": 0, "ChangeEventsSent": 0, "ChangeEventsFailed": 0,
        "ItemsDeleted": 2, "ItemsCorrected": 0, "MembersDreamer": 2,
        "MembersReadyToTransact": 0,
    }  # fmt: skip


AUDIT = (
    RuleResult(SNAPSHOT_DATE_RULE, -1, None, 0),
    RuleResult("change in scored members", -0.5, -0.1, 0.25),
    RuleResult("stage mix PSI", 0.31, None, 0.25),
    RuleResult("flip rate", None, None, 0.45),
    RuleResult("quarantined lines", 0, None, 10),
)


def held(event: dict[str, Any], context: Any) -> list[str]:
    """Return the lines of the error that the held day of the event's run is."""
    with pytest.raises(ScoresHeldError) as raised:
        call(event, context, "SUCCEEDED")
    return str(raised.value).splitlines()


def test_held_day_is_an_error_with_the_broken_rules_and_what_to_do(
    event: dict[str, Any], context: Any, put: Put, emitted_metrics: Metrics
) -> None:
    put_receipt(put, event, held=True, audit=AUDIT, quarantined=1)
    assert held(event, context) == [
        "the scores of 2020-01-30 are held, and the table keeps its stages. Broken rules of the audit:",
        "- change in scored members: -0.5, allowed -0.1 to 0.25",
        "- stage mix PSI: 0.31, allowed at most 0.25",
        "",
        'Look at the day (docs/operations.md, "A day is held"):',
        '  aws s3 cp "s3://buyer-stage-pipeline/push-receipts/2020/01/30/buy-test-push-0123456789-1.json" -',
        '  aws s3 cp --recursive "s3://buyer-stage-pipeline/quarantine/2020/01/30/buy-test-push-0123456789-1/" '
        "build/quarantine/",
        "",
        "If a rule is broken because the data is wrong, have it fixed and run the day again. If the scores are",
        "right, start the ML pipeline with this input, which records the reason:",
        '  {"snapshot_date": "20200130", "serve_anyway": "<the reason, up to 200 characters>"}',
    ]
    assert "# A day is held\n" in (REPOSITORY / "docs/operations.md").read_text()
    metrics = emitted_metrics()
    assert (metrics["DaysHeld"], metrics["ScoredLinesQuarantined"], metrics["ScoredLinesWritten"]) == (1, 1, 0)


def test_older_day_than_the_live_one_cannot_be_served_anyway(event: dict[str, Any], context: Any, put: Put) -> None:
    put_receipt(put, event, held=True, audit=(RuleResult(SNAPSHOT_DATE_RULE, 3, None, 0), *AUDIT[1:]))
    lines = held(event, context)
    assert lines[1:4] == [
        "- days older than the live snapshot: 3, allowed at most 0",
        "- change in scored members: -0.5, allowed -0.1 to 0.25",
        "- stage mix PSI: 0.31, allowed at most 0.25",
    ]
    assert lines[-3:] == [
        "A later day is live, and serve_anyway does not change that. To bring back what the table held for this",
        "day, if it was ever served:",
        "  make rollback-scores ENV=test TO=20200130",
    ]
    assert '"serve_anyway"' not in "".join(lines)


def test_held_day_that_also_lacks_lines_says_so(event: dict[str, Any], context: Any, put: Put) -> None:
    put_receipt(put, event, held=True, audit=AUDIT, read=2)
    assert held(event, context)[3].startswith("- the transform's output does not hold one line per member: 2 read of 3")


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
    put_receipt(put, event, written=1, unchanged=2)
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
    ("counts", "problem"),
    [
        ({"written": 1, "unchanged": 1}, "the scored lines do not add up"),
        ({"written": 1, "unchanged": 1, "failed": 1}, "DynamoDB did not accept all items"),
        ({"written": 3, "not_corrected": 1}, "DynamoDB did not accept all items"),
        (
            {"written": 3, "events_failed": 4},
            "EventBridge did not accept 4 of the change events, and the table is complete",
        ),
        ({"read": 2, "written": 2}, "the transform's output does not hold one line per member"),
    ],
)
def test_receipt_that_loses_scored_lines_is_an_error(
    event: dict[str, Any],
    context: Any,
    put: Put,
    emitted_metrics: Metrics,
    counts: dict[str, int],
    problem: str,
) -> None:
    put_receipt(put, event, **counts)
    read = counts.get("read", 3)
    with pytest.raises(
        ScoredLinesLostError, match=rf"{event['run_name']} is incomplete: {problem}: {read} read of 3 expected"
    ):
        call(event, context, "SUCCEEDED")
    metrics = emitted_metrics()
    assert (metrics["ScoredLinesRead"], metrics["ScoredLinesFailed"]) == (read, counts.get("failed", 0))


def test_damaged_receipt_is_an_error_that_names_it(event: dict[str, Any], context: Any, put: Put) -> None:
    put(f"push-receipts/2020/01/30/{event['run_name']}.json", "[]")
    with pytest.raises(InvalidManifestError, match=r"push-receipts/2020/01/30/.* is damaged"):
        call(event, context, "SUCCEEDED")
