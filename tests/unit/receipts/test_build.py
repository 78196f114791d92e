"""A receipt says what the history and the documents of an execution say, for every way in which executions end."""

from dataclasses import dataclass, replace
from datetime import UTC, date, timedelta, timezone
from typing import Any

import pytest

from buyer_stage.domain.documents import FeatureManifest, FeatureValidation
from buyer_stage.domain.serving_documents import Publication, PushKind, ServedState
from buyer_stage.receipts.build import (
    RECEIPT_STATE,
    Document,
    History,
    build_receipt,
    document_keys,
    read_history,
    resolve_snapshot_date,
)
from buyer_stage.receipts.document import Failure, Job, Outcome, Pipeline, StateVisits
from tests.executions import START, Event, made_events, recorded_events

DAY = date(2020, 1, 30)
CHECKED = ("CheckDailyDataAvailability", {"available": True, "row_count": 3, "rows_checksum": "rows"})
CHAMPION = ("CheckModelAvailability", {"available": True, "train": False, "model_version": "champion"})
STARTED = ("StartAutoML", {"automl_job_name": "challenger", "reason": "the first attempt", "is_new": True})
SCORED = ("StartBatchTransformation", {"transform_job_name": "transform-1", "is_new": True})
FAILURE = Failure("CheckDrift", "ModelError", "the model is gone")


def history(events: list[Event]) -> History:
    found = read_history(events)
    assert found is not None
    return found


def made(*tasks: tuple[str, dict[str, Any] | None], **execution_input: Any) -> History:
    return history(made_events(*tasks, execution_input=execution_input))


def keys(*tasks: tuple[str, dict[str, Any] | None]) -> dict[str, str]:
    return document_keys(Pipeline.ML, DAY, made(*tasks))


def outcome(found: History, failure: Failure | None) -> Outcome:
    return build_receipt(
        Pipeline.ML, "arn", DAY, found, {}, failure=failure, ttl_extension=None, code_version="1a2b3c4d5e6f"
    ).outcome


def jobs(found: History) -> tuple[Job, ...]:
    return build_receipt(
        Pipeline.ML, "arn", DAY, found, {}, failure=None, ttl_extension=None, code_version="1a2b3c4d5e6f"
    ).jobs


# The history


def test_history_ends_where_the_receipt_is_written() -> None:
    events = made_events(CHECKED, CHAMPION)
    later = [
        *events,
        {"id": 98, "type": "TaskSucceeded", "timestamp": START, "taskSucceededEventDetails": {"output": "{}"}},
        {"id": 99, "type": "TaskStateExited", "timestamp": START, "stateExitedEventDetails": {"name": RECEIPT_STATE}},
    ]
    assert history(later) == history(events)
    assert history(events).ended_at == START + timedelta(seconds=20)


def test_history_without_that_state_is_not_complete() -> None:
    assert read_history(made_events(CHECKED)[:-1]) is None


def test_times_are_in_utc_wherever_the_function_runs() -> None:
    zone = timezone(timedelta(hours=-7))
    events = [{**event, "timestamp": event["timestamp"].astimezone(zone)} for event in made_events(CHECKED)]
    assert [history(events).started_at.tzinfo, history(events).ended_at.tzinfo] == [UTC, UTC]
    assert history(events) == history(made_events(CHECKED))


def test_visits_of_a_poll_loop_are_summed_up() -> None:
    found = made(CHECKED, CHAMPION, CHECKED)
    assert found.states == (
        StateVisits("CheckDailyDataAvailability", 0.0, 20.0, 2), StateVisits("CheckModelAvailability", 10.0, 10.0, 1),
    )  # fmt: skip


def test_the_last_result_of_a_state_counts() -> None:
    waiting = (CHECKED[0], {"available": False})
    assert made(waiting, CHECKED).result("CheckDailyDataAvailability") == CHECKED[1]
    assert made(CHECKED, (CHECKED[0], None)).result("CheckDailyDataAvailability") == CHECKED[1]
    assert made(waiting).result("CheckModelAvailability") == {}


def test_input_that_is_not_an_object_is_kept_as_one() -> None:
    (started, *rest) = made_events()
    assert history([{**started, "executionStartedEventDetails": {"input": "[1]"}}, *rest]).input == {"input": [1]}


@pytest.mark.parametrize("text", ["previous", "2020-01-30", "30 January", "20200231", ""])
def test_day_that_is_not_a_date_becomes_the_day_of_the_start(text: str) -> None:
    assert resolve_snapshot_date(text, made()) == START.date()
    assert resolve_snapshot_date("20200130", made()) == DAY


# The documents


def test_documents_are_those_to_which_the_execution_came() -> None:
    push = ("StartUploadingToDynamoDB", {"status": "RUNNING", "run_name": "push-1", "is_new": True})
    drift = ("CheckDrift", {"report": "drift-reports/champion/2020-01-30.json"})
    expected = {
        "features": "inputs/2020/01/30/manifest.json",
        "validation": "inputs/2020/01/30/validation.json",
        "model_card": "best-model/champion/card.json",
        "push": "push-receipts/2020/01/30/push-1.json",
        "publication": "serving/current.json",
        "drift": "drift-reports/champion/2020-01-30.json",
    }
    assert keys((CHECKED[0], {"available": False})) == {}
    assert keys((CHECKED[0], None)) == {}
    assert keys(CHECKED, CHAMPION).keys() == {"features", "validation"}
    assert keys(CHECKED, CHAMPION, SCORED).keys() == {"features", "validation", "model_card"}
    assert keys(CHECKED, CHAMPION, SCORED, push, drift) == expected


def test_push_that_still_waits_has_no_receipt() -> None:
    assert "push" not in keys(CHECKED, CHAMPION, SCORED, ("StartUploadingToDynamoDB", {"run_name": None}))


@pytest.mark.parametrize(
    ("judged", "model_card", "challenger_card"),
    [
        ({"available": True, "model_version": "challenger"}, "challenger", None),
        ({"available": False, "model_version": "challenger"}, "champion", "challenger"),
        (None, "champion", "challenger"),
    ],
    ids=["approved", "waiting for approval", "rejected"],
)
def test_cards_are_those_of_the_model_that_scored_and_of_the_other_one_that_was_judged(
    judged: dict[str, Any] | None, model_card: str, challenger_card: str | None
) -> None:
    found = keys(CHECKED, CHAMPION, STARTED, ("CreateAndSaveModel", judged), SCORED)
    assert found["model_card"] == f"best-model/{model_card}/card.json"
    assert found.get("challenger_card") == (challenger_card and f"best-model/{challenger_card}/card.json")


def test_training_that_failed_has_no_card() -> None:
    assert "challenger_card" not in keys(CHECKED, CHAMPION, STARTED, ("CheckAutoMLStatus", None), SCORED)


def test_documents_that_later_executions_have_written_again_are_left_out() -> None:
    manifest = FeatureManifest(1, DAY, 3, {}, "columns", "rows", ())
    validation = FeatureValidation(DAY, 3, "a")
    live = ServedState("served-items/", DAY, "champion", 3, 3, {}, None, None, None)
    publication = Publication(7, PushKind.SCORES, START, "push-1", "daily", live)
    push = ("StartUploadingToDynamoDB", {"status": "RUNNING", "run_name": "push-1", "is_new": True})

    def kept(
        manifest: FeatureManifest = manifest, sha256: str = "a", publication: Publication = publication
    ) -> set[str]:
        documents = {
            "features": Document("manifest", sha256, manifest),
            "validation": Document("validation", "b", validation),
            "publication": Document("current", "c", publication),
        }
        receipt = build_receipt(
            Pipeline.ML, "arn", DAY, made(CHECKED, push), documents, failure=None, ttl_extension=None, code_version=""
        )
        return set(receipt.sources)

    assert kept() == {"manifest", "validation", "current"}
    assert kept(manifest=replace(manifest, rows_checksum="other rows")) == {"current"}
    assert kept(sha256="b") == {"manifest", "current"}
    assert kept(publication=replace(publication, run_name="push-2")) == {"manifest", "validation"}


# The outcome and the jobs


def test_outcome_follows_from_the_failure_and_how_far_the_execution_came() -> None:
    served = made(CHECKED, ("HasTrainingFailed", {}))
    assert outcome(served, None) is Outcome.SUCCEEDED
    assert outcome(served, FAILURE) is Outcome.SERVED_WITHOUT_TRAINING
    assert outcome(made(CHECKED), FAILURE) is Outcome.FAILED
    assert outcome(made(CHECKED), replace(FAILURE, error="ScoresHeldError")) is Outcome.HELD
    assert outcome(made(rollback_to="previous"), None) is Outcome.ROLLED_BACK
    assert outcome(made(rollback_to="previous"), FAILURE) is Outcome.FAILED
    assert outcome(made(rollback_to=None), None) is Outcome.SUCCEEDED


def test_jobs_are_named_once_in_the_order_of_their_use() -> None:
    names = ["holdout-challenger", "holdout-champion"]
    found = made(
        STARTED,
        ("CreateCandidateModel", {"transform_job_names": names, "new_transform_job_names": names[:1]}),
        SCORED,
        ("StartBatchTransformation", {"transform_job_name": "transform-2", "is_new": True}),
        ("StartUploadingToDynamoDB", {"status": "WAITING", "run_name": None, "is_new": False}),
        ("StartUploadingToDynamoDB", {"status": "RUNNING", "run_name": "push-1", "is_new": False}),
        ("StartTTLExtension", {"run_name": "push-2", "note": "The items get more time."}),
    )
    assert jobs(found) == (
        Job("Autopilot job", "challenger", is_reused=False),
        Job("holdout transform", "holdout-challenger", is_reused=False),
        Job("holdout transform", "holdout-champion", is_reused=True),
        Job("batch transform", "transform-1", is_reused=False),
        Job("batch transform", "transform-2", is_reused=False),
        Job("push", "push-1", is_reused=True),
        Job("ttl extension", "push-2", is_reused=False),
    )


def test_what_was_not_started_is_no_job() -> None:
    assert jobs(made(("StartAutoML", {"automl_job_name": None, "is_new": False}), ("StartTTLExtension", {}))) == ()


# Recorded executions


@dataclass(frozen=True)
class Recorded:
    """A recorded execution, and what its receipt must say."""

    name: str
    failure: Failure | None
    outcome: Outcome
    fields: set[str]
    """Fields that hold documents."""
    jobs: list[tuple[str, bool]]
    """Kind of each job, and whether it was reused."""
    last_state: str
    """The last state that took time."""


FEATURES = {"features", "validation"}
SERVED = {*FEATURES, "push", "publication", "drift", "model_card"}
CASES = (
    Recorded(
        "etl", None, Outcome.SUCCEEDED, {*FEATURES, "labeled_set"}, [("cluster", False)], "TerminateCluster"
    ),
    Recorded(
        "etl_failed", Failure("ProcessFeatures", "States.TaskFailed", "no table t030"), Outcome.FAILED, set(),
        [("cluster", False)], "TerminateCluster",
    ),
    Recorded(
        "first_day", None, Outcome.SUCCEEDED, SERVED,
        [("Autopilot job", False), ("holdout transform", False), ("batch transform", False), ("push", False)],
        "CheckDrift",
    ),
    Recorded(
        "training_failed", Failure("CheckTrainingDataAvailability", "LabeledSetError", "a member is in two splits"),
        Outcome.SERVED_WITHOUT_TRAINING, SERVED, [("batch transform", True), ("push", True)], "StartTTLExtension",
    ),
    Recorded(
        "held", Failure("CheckUploadingToDynamoDBStatus", "ScoresHeldError", "the scores are held"), Outcome.HELD,
        SERVED - {"drift"}, [("batch transform", False), ("push", False)], "StartTTLExtension",
    ),
    Recorded(
        "rollback", None, Outcome.ROLLED_BACK, {"push", "publication"}, [("push", False)],
        "CheckUploadingToDynamoDBStatus",
    ),
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_receipt_of_a_recorded_execution(case: Recorded) -> None:
    events = recorded_events(case.name)
    found = history(events)
    pipeline = Pipeline.ETL if case.name.startswith("etl") else Pipeline.ML
    receipt = build_receipt(
        pipeline, "arn", DAY, found, {}, failure=case.failure, ttl_extension=None, code_version="1a2b3c4d5e6f"
    )
    assert receipt.outcome is case.outcome
    assert document_keys(pipeline, DAY, found).keys() == case.fields
    assert [(job.kind, job.is_reused) for job in receipt.jobs] == case.jobs
    assert receipt.states[-1].name == case.last_state
    assert RECEIPT_STATE not in {state.name for state in receipt.states}
    (entered,) = [
        event["timestamp"] for event in events if event.get("stateEnteredEventDetails", {}).get("name") == RECEIPT_STATE
    ]
    assert (receipt.started_at, receipt.ended_at) == (events[0]["timestamp"], entered)
    seconds = sum(state.seconds for state in receipt.states)
    assert 0 < seconds <= (receipt.ended_at - receipt.started_at).total_seconds() + 0.01


def test_recorded_states_are_in_the_order_of_their_first_visits() -> None:
    states = history(recorded_events("first_day")).states
    assert [state.entered for state in states] == sorted(state.entered for state in states)
    assert {state.name: state.visits for state in states}["WaitForUploadingToDynamoDB"] == 3
