"""The state machine definitions are complete and bounded, and resolve the same snapshot date as the Python domain."""

import copy
import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import jsonata
import pytest
from hypothesis import given
from hypothesis import strategies as st

from buyer_stage.domain.errors import InvalidInputError
from buyer_stage.domain.input_checks import ACCEPT_REASON, parse_accept_reason
from buyer_stage.domain.snapshot_date import DEFAULT_LAG_DAYS, format_partition_value, resolve_snapshot_date
from buyer_stage.receipts.build import AFTER_SERVING_STATE, RECEIPT_STATE
from tools.repository import REPOSITORY
from tools.state_machines import (
    FOLDER,
    States,
    Transition,
    error_handlers,
    expressions,
    next_states,
    read,
    transitions,
)

DEFINITIONS = {name: read(name) for name in ("etl_pipeline", "ml_pipeline")}
SNAPSHOT_DATE = (FOLDER / "snapshot_date.jsonata").read_text().replace("${lag_days}", str(DEFAULT_LAG_DAYS))
NULL = jsonata.utils.Utils.NULL_VALUE
MAXIMUM_RETRY_SECONDS = 120
ERROR_OUTPUT = {"Error": "States.Timeout", "Cause": "an hour has passed"}
FIRST_FAILURE = {"State": "ProcessFeatures", "Error": "States.TaskFailed", "Cause": "no table t030"}
TRAINING = {
    "CheckTrainingDataAvailability", "StartAutoML", "CheckAutoMLStatus", "CreateCandidateModel",
    "CheckHoldoutScoresStatus", "CreateAndSaveModel",
}  # fmt: skip
"""The states of the ML pipeline whose failure leaves a model to score with, if there was one before."""


@pytest.fixture(params=DEFINITIONS)
def definition(request: pytest.FixtureRequest) -> dict[str, Any]:
    return DEFINITIONS[request.param]


@pytest.fixture
def states(definition: dict[str, Any]) -> States:
    return definition["States"]


def reachable(following: Mapping[str, set[str]], starts: set[str]) -> set[str]:
    """Return the states to which some way leads, those that it starts from included."""
    reached: set[str] = set()
    frontier = starts
    while frontier:
        reached |= frontier
        frontier = {target for name in frontier for target in following[name]} - reached
    return reached


def evaluate(text: str, **variables: Any) -> Any:
    """Evaluate an expression of a definition, such as `{% $failure != null %}`."""
    (source,) = expressions(text)
    expression = jsonata.Jsonata(source)
    for name, value in variables.items():
        expression.assign(name, value)
    return expression.evaluate(None)


def test_every_state_is_reachable_and_every_next_state_exists(definition: dict[str, Any], states: States) -> None:
    following = {name: next_states(state) | error_handlers(state) for name, state in states.items()}

    assert reachable(following, {definition["StartAt"]}) == set(states)


def test_every_state_but_the_ends_leads_on(states: States) -> None:
    dead_ends = {name for name, state in states.items() if not next_states(state)}

    assert {states[name]["Type"] for name in dead_ends} == {"Succeed", "Fail"}


def test_every_state_but_a_wait_says_why_it_exists(states: States) -> None:
    silent = [name for name, state in states.items() if state["Type"] != "Wait" and not state.get("Comment")]

    assert silent == []


def test_every_task_has_a_timeout(states: States) -> None:
    tasks = {name: state for name, state in states.items() if state["Type"] == "Task"}
    unbounded = [
        name
        for name, task in tasks.items()
        if not isinstance(task["TimeoutSeconds"], str) and task["TimeoutSeconds"] <= 0
    ]

    assert tasks
    assert unbounded == []


def test_every_task_retries_named_errors_a_few_times_with_jitter(states: States) -> None:
    for name, task in ((name, state) for name, state in states.items() if state["Type"] == "Task"):
        assert task["Retry"], name
        for retry in task["Retry"]:
            delay = retry["IntervalSeconds"] * retry.get("BackoffRate", 2) ** (retry["MaxAttempts"] - 1)
            assert "States.ALL" not in retry["ErrorEquals"], f"{name} would retry an invalid input"
            assert 1 <= retry["MaxAttempts"] <= 4, name
            assert 0 < delay <= MAXIMUM_RETRY_SECONDS, name
            assert retry["JitterStrategy"] == "FULL", name


def test_every_error_is_caught(states: States) -> None:
    for name, state in states.items():
        if state["Type"] == "Task":
            assert state["Catch"][-1]["ErrorEquals"] == ["States.ALL"], name


def test_every_failure_is_notified_and_then_fails_the_execution(states: States) -> None:
    handlers = {handler for state in states.values() for handler in error_handlers(state)}

    assert next_states(states["SendSNSNotification"]) == error_handlers(states["SendSNSNotification"]) == {"Failed"}
    if handlers & {"ShouldExtendTTL"}:
        assert next_states(states["ShouldExtendTTL"]) == {"StartTTLExtension", "WriteRunReceipt"}
        extension = states["StartTTLExtension"]
        assert next_states(extension) == error_handlers(extension) == {"WriteRunReceipt"}
    assert states["Failed"]["Type"] == "Fail"
    assert handlers <= {
        "WriteRunReceipt", "TerminateCluster", "HasFallbackModel", "HasTransformAttemptLeft", "ShouldExtendTTL",
        "HasFailed", "Failed",
    }  # fmt: skip


def test_every_execution_has_its_receipt_written_before_it_ends(states: States) -> None:
    following = {name: next_states(state) | error_handlers(state) for name, state in states.items()}
    before = reachable({**following, RECEIPT_STATE: set()}, {"ResolveRun"})

    assert before & {"HasFailed", "SendSNSNotification", "Done", "RolledBack", "Failed"} == set()


def test_only_an_execution_that_has_served_the_snapshot_reaches_the_state_that_says_so() -> None:
    states = DEFINITIONS["ml_pipeline"]["States"]

    assert {name for name, state in states.items() if AFTER_SERVING_STATE in next_states(state)} == {"CheckDrift"}
    assert {name for name, state in states.items() if AFTER_SERVING_STATE in error_handlers(state)} == set()


def test_a_receipt_that_cannot_be_written_is_reported_and_changes_nothing(states: States) -> None:
    state = states[RECEIPT_STATE]
    (catch,) = state["Catch"]
    context = {"errorOutput": ERROR_OUTPUT, "context": {"State": {"Name": RECEIPT_STATE}}}

    assert next_states(state) == error_handlers(state) == {"HasFailed"}
    assert catch["Assign"].keys() == state["Assign"].keys() == {"receipt"}
    assert evaluate(catch["Assign"]["receipt"], states=context).startswith(
        "WriteRunReceipt failed with States.Timeout: the receipt is missing or incomplete"
    )


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (None, None),
        ({"State": "A", "Error": "E", "Cause": "c"}, {"State": "A", "Error": "E", "Cause": "c"}),
        (
            {"State": "A", "Error": "States.Timeout"},
            {
                "State": "A", "Error": "States.Timeout",
                "Cause": "Step Functions gives no cause: look at this state in the execution",
            },
        ),
    ],
)  # fmt: skip
def test_the_receipt_gets_the_failure_if_there_was_one(
    states: States, failure: dict[str, str] | None, expected: dict[str, str] | None
) -> None:
    found = evaluate(
        states[RECEIPT_STATE]["Arguments"]["Payload"]["failure"], failure=NULL if failure is None else failure
    )

    assert (None if found is NULL else found) == expected


def test_the_receipt_gets_what_the_sample_event_of_its_function_holds(states: States) -> None:
    sample = json.loads((REPOSITORY / "tests/events/write_run_receipt.json").read_text())

    payload = states[RECEIPT_STATE]["Arguments"]["Payload"].keys()
    assert payload in (sample.keys(), sample.keys() - {"ttl_extension"})


AFTER_THE_FAILURE = {"StartTTLExtension", RECEIPT_STATE, "SendSNSNotification"}
"""The states whose errors do not replace the failure that led to them."""


def assigned_by_catches(states: States, failure: object) -> Iterator[tuple[str, Any]]:
    """Evaluate what each catch makes of an error when `failure` happened before: name of its state, new `failure`."""
    for name, state in states.items():
        for catch in state.get("Catch", []) if name not in AFTER_THE_FAILURE else []:
            context = {"errorOutput": ERROR_OUTPUT, "context": {"State": {"Name": name}}}
            (assigned,) = catch["Assign"].values()
            yield name, evaluate(assigned, states=context, failure=failure)


def test_a_catch_keeps_the_error_and_the_name_of_the_state(states: States) -> None:
    caught = dict(assigned_by_catches(states, None))

    assert caught
    assert caught == {name: {**ERROR_OUTPUT, "State": name} for name in caught}


@pytest.mark.parametrize("cause", [{}, {"Cause": "an hour has passed"}])
def test_a_timeout_is_notified_and_ends_the_execution_although_aws_gives_it_no_cause(
    states: States, cause: dict[str, str]
) -> None:
    failure = {"State": "ProcessFeatures", "Error": "States.Timeout", **cause}
    notified = evaluate(states["SendSNSNotification"]["Arguments"]["Payload"]["failure"], failure=failure)

    expected = cause.get("Cause", "Step Functions gives no cause: look at this state in the execution")
    assert notified == {**failure, "Cause": expected}
    assert evaluate(states["Failed"]["Cause"], failure=failure) == expected


def test_a_cluster_that_cannot_be_terminated_does_not_hide_the_first_failure() -> None:
    caught = dict(assigned_by_catches(DEFINITIONS["etl_pipeline"]["States"], FIRST_FAILURE))

    assert caught["TerminateCluster"] == FIRST_FAILURE


def test_notification_gets_what_the_sample_event_of_its_function_holds(states: States) -> None:
    sample = json.loads((REPOSITORY / "tests/events/send_sns_notification.json").read_text())
    failures = [state["Assign"].get("failure") for state in states.values() if state["Type"] == "Pass"]

    payload = states["SendSNSNotification"]["Arguments"]["Payload"].keys()
    assert payload in (sample.keys(), sample.keys() - {"ttl_extension"})
    assert {frozenset(failure) for failure in failures if failure} == {frozenset(sample["failure"])}


def test_every_expression_is_jsonata(definition: dict[str, Any]) -> None:
    found = list(expressions(definition))

    assert found
    for expression in found:
        jsonata.Jsonata(re.sub(r"\$\{\w+\}", "1", expression))


def unbounded_loops(definition: dict[str, Any]) -> set[str]:
    """Return the states that an execution could visit again and again.

    A loop is bounded by a choice that leads back only while a counter is below a limit, if the state that it leads back
    to increases the counter and the first state sets it to 0.
    """
    states: States = definition["States"]
    start = states[definition["StartAt"]]["Assign"]

    def is_bounded(transition: Transition) -> bool:
        counted = re.fullmatch(r"\$(\w+) < (?:\$\{\w+\}|\d)", transition.condition)
        counter = counted[1] if counted else ""
        increased = states[transition.target].get("Assign", {}).get(counter)
        return increased == f"{{% ${counter} + 1 %}}" and start.get(counter) == 0

    following = {
        name: {transition.target for transition in transitions(state) if not is_bounded(transition)}
        for name, state in states.items()
    }
    return {name for name in states if name in reachable(following, following[name])}


def test_no_execution_runs_forever(definition: dict[str, Any]) -> None:
    assert unbounded_loops(definition) == set()
    assert 0 < definition["TimeoutSeconds"] <= 24 * 60 * 60


def without_limit(states: dict[str, Any]) -> None:
    states["IsAutoMLDone"]["Choices"][1]["Condition"] = "{% true %}"


def without_counting(states: dict[str, Any]) -> None:
    del states["WaitForAutoML"]["Assign"]


def counting_another(states: dict[str, Any]) -> None:
    states["WaitForAutoML"]["Assign"] = {"upload_polls": "{% $upload_polls + 1 %}"}


def never_giving_up(states: dict[str, Any]) -> None:
    states["IsAutoMLDone"]["Default"] = "WaitForAutoML"


@pytest.mark.parametrize("damage", [without_limit, without_counting, counting_another, never_giving_up])
def test_poll_loop_without_a_bound_is_noticed(damage: Callable[[dict[str, Any]], None]) -> None:
    damaged = copy.deepcopy(DEFINITIONS["ml_pipeline"])
    damage(damaged["States"])

    assert unbounded_loops(damaged) == {"WaitForAutoML", "CheckAutoMLStatus", "IsAutoMLDone"}


def test_counter_that_does_not_start_at_zero_is_noticed() -> None:
    damaged = copy.deepcopy(DEFINITIONS["ml_pipeline"])
    del damaged["States"]["ResolveRun"]["Assign"]["automl_polls"]

    assert "WaitForAutoML" in unbounded_loops(damaged)


def test_step_that_starts_the_cluster_again_is_noticed() -> None:
    damaged = copy.deepcopy(DEFINITIONS["etl_pipeline"])
    damaged["States"]["ProcessFeatures"]["Catch"][0]["Next"] = "CreateCluster"

    assert unbounded_loops(damaged) == {"CreateCluster", "ProcessFeatures"}


def test_job_that_outlives_its_polls_fails_by_that_name() -> None:
    states = DEFINITIONS["ml_pipeline"]["States"]
    polls = {
        name
        for name, state in states.items()
        if any(re.search(r"_polls < ", transition.condition) for transition in transitions(state))
    }
    ends = {poll: states[states[poll]["Default"]]["Assign"]["failure"]["Error"] for poll in polls}
    assert ends.pop("IsDailyDataAvailable") == "DailyDataMissing"
    assert set(ends.values()) == {"PollLimitExceeded"}


def test_a_failed_transform_is_repeated_twice_after_a_growing_pause_and_then_fails_the_execution() -> None:
    states = DEFINITIONS["ml_pipeline"]["States"]
    wait, choice = states["WaitForNextTransformAttempt"], states["HasTransformAttemptLeft"]
    pause = wait["Seconds"].replace("${transform_poll_seconds}", "60")

    assert [evaluate(pause, transform_retries=retries) for retries in (0, 1)] == [180, 540]
    assert [evaluate(choice["Choices"][0]["Condition"], transform_retries=retries) for retries in (0, 1, 2)] == [
        True, True, False,
    ]  # fmt: skip
    assert (wait["Next"], choice["Default"]) == ("StartBatchTransformation", "BatchTransformationFailed")
    assert "JobFailedError" in states["CheckBatchTransformationStatus"]["Catch"][0]["ErrorEquals"]


def test_a_cluster_is_terminated_on_every_way_from_its_creation() -> None:
    states = DEFINITIONS["etl_pipeline"]["States"]
    following = {name: next_states(state) | error_handlers(state) for name, state in states.items()}
    following["TerminateCluster"] = set()

    assert reachable(following, next_states(states["CreateCluster"])) == {
        "ProcessFeatures", "ValidateFeatures", "ShouldBuildTrainingData", "BuildTrainingData", "TerminateCluster",
    }  # fmt: skip


def test_a_failed_training_is_reported_after_members_are_served() -> None:
    states = DEFINITIONS["ml_pipeline"]["States"]
    caught = {name for name, state in states.items() if "HasFallbackModel" in error_handlers(state)}

    assert caught == TRAINING
    assert next_states(states["HasFallbackModel"]) == {"StartBatchTransformation", "ShouldExtendTTL"}
    assert next_states(states["HasTrainingFailed"]) == {"WriteRunReceipt", "ShouldExtendTTL"}


def test_a_rollback_and_a_day_have_different_outputs() -> None:
    assert following("HasFailed", failure=NULL, rollback_to=NULL) == "Done"
    assert following("HasFailed", failure=NULL, rollback_to="previous") == "RolledBack"
    assert following("HasFailed", failure=FIRST_FAILURE, rollback_to="previous") == "SendSNSNotification"


@pytest.mark.parametrize("failure", [None, FIRST_FAILURE])
@pytest.mark.parametrize(
    ("name", "state", "following"),
    [
        ("etl_pipeline", "HasFailed", "SendSNSNotification"),
        ("ml_pipeline", "HasTrainingFailed", "ShouldExtendTTL"),
        ("ml_pipeline", "HasFailed", "SendSNSNotification"),
    ],
)
def test_an_execution_that_failed_before_does_not_succeed(
    name: str, state: str, following: str, failure: object
) -> None:
    choice, *_ = DEFINITIONS[name]["States"][state]["Choices"]
    variable = jsonata.utils.Utils.NULL_VALUE if failure is None else failure

    assert choice["Next"] == following
    assert evaluate(choice["Condition"], failure=variable) is (failure is not None)


def test_an_extension_that_cannot_start_is_in_the_notification_and_does_not_hide_the_failure() -> None:
    states = DEFINITIONS["ml_pipeline"]["States"]
    (catch,) = states["StartTTLExtension"]["Catch"]
    context = {"errorOutput": ERROR_OUTPUT, "context": {"State": {"Name": "StartTTLExtension"}}}

    assert catch["Assign"].keys() == states["StartTTLExtension"]["Assign"].keys() == {"ttl_extension"}
    assert evaluate(catch["Assign"]["ttl_extension"], states=context).startswith(
        "StartTTLExtension failed with States.Timeout: the items of the table can expire before a day is served"
    )


def problem_of(**execution_input: Any) -> str | None:
    """Return what the ML pipeline finds wrong with the input of an execution; None if nothing is."""
    states = DEFINITIONS["ml_pipeline"]["States"]
    context = {"input": execution_input}
    given = {
        name: evaluate(states["ResolveRun"]["Assign"][name], states=context) for name in ("serve_anyway", "rollback_to")
    }
    day = str(execution_input.get("snapshot_date", "20200130"))
    found = evaluate(
        states["CheckInput"]["Assign"]["input_problem"],
        states=context,
        snapshot_date=day,
        **{name: NULL if value is None else value for name, value in given.items()},
    )
    return None if found is NULL or found is None else str(found)


REASON = (
    "serve_anyway is not a reason: it must be a text of 1 to 200 printable ASCII characters that does not start with "
)
ALONE = "rollback_to goes alone, without snapshot_date, retrain and serve_anyway"


@pytest.mark.parametrize(
    "execution_input",
    [
        {},
        {"snapshot_date": "20200130", "retrain": True},
        {"serve_anyway": "the portal closed in 2 states - ask Ops (#42)"},
        {"serve_anyway": "x" * 200},
        {"serve_anyway": None, "rollback_to": None},
        {"rollback_to": "previous"},
        {"rollback_to": "20200129"},
        {"rollback_to": 20200129},
    ],
)
def test_valid_input_starts_the_execution(execution_input: dict[str, Any]) -> None:
    assert problem_of(**execution_input) is None


@pytest.mark.parametrize(
    ("execution_input", "problem"),
    [
        ({"snapshot_date": "2020-01-30"}, "snapshot_date 2020-01-30 is not a date written as YYYYMMDD"),
        ({"serve_anyway": ""}, REASON),
        ({"serve_anyway": "   "}, REASON),
        ({"serve_anyway": "x" * 201}, REASON),
        ({"serve_anyway": "two\nlines"}, REASON),
        ({"serve_anyway": "ends with a line\n"}, REASON),
        ({"serve_anyway": "Zo\u00eb"}, REASON),
        ({"serve_anyway": "--kind rollback"}, REASON),
        ({"serve_anyway": True}, REASON),
        ({"serve_anyway": ["because"]}, REASON),
        ({"rollback_to": "yesterday"}, "rollback_to yesterday is neither previous nor a date written as YYYYMMDD"),
        ({"rollback_to": ""}, "rollback_to  is neither"),
        ({"rollback_to": True}, "rollback_to true is neither"),
        ({"rollback_to": {}}, "rollback_to {} is neither"),
        ({"rollback_to": "previous", "snapshot_date": "20200130"}, ALONE),
        ({"rollback_to": "previous", "retrain": False}, ALONE),
        ({"rollback_to": "previous", "serve_anyway": "because"}, ALONE),
    ],
)
def test_invalid_input_fails_the_execution_before_anything_starts(
    execution_input: dict[str, Any], problem: str
) -> None:
    found = problem_of(**execution_input)
    states = DEFINITIONS["ml_pipeline"]["States"]

    assert found is not None
    assert found.startswith(problem)
    assert next_states(states["ResolveRun"]) == {"CheckInput"}
    assert next_states(states["CheckInput"]) == {"IsInputValid"}
    (first, *_) = states["IsInputValid"]["Choices"]
    assert first["Next"] == "InvalidInput"
    assert evaluate(first["Condition"], input_problem=found) is True
    assert evaluate(states["InvalidInput"]["Assign"]["failure"]["Cause"], input_problem=found).startswith(found)


def following(state: str, **variables: Any) -> str:
    """Return the state that follows a choice of the ML pipeline."""
    choice = DEFINITIONS["ml_pipeline"]["States"][state]
    conditions = ((rule, re.sub(r"\$\{\w+\}", "2", rule["Condition"])) for rule in choice["Choices"])
    taken = (rule["Next"] for rule, condition in conditions if evaluate(condition, **variables) is True)
    return str(next(taken, choice["Default"]))


@pytest.mark.parametrize(
    ("state", "variables", "scores", "rollback"),
    [
        ("IsInputValid", {"input_problem": NULL}, "CheckDailyDataAvailability", "StartRollback"),
        ("IsRollback", {}, "StartUploadingToDynamoDB", "StartRollback"),
        ("IsUploadingToDynamoDBDone", {"upload": {"status": "SUCCEEDED"}}, "CheckDrift", "WriteRunReceipt"),
        (
            "IsUploadingToDynamoDBDone",
            {"upload": {"status": "RUNNING"}, "upload_polls": 1},
            "WaitForUploadingToDynamoDB",
            "WaitForUploadingToDynamoDB",
        ),
        ("ShouldExtendTTL", {}, "StartTTLExtension", "WriteRunReceipt"),
    ],
)
def test_a_rollback_shares_the_states_that_wait_for_the_push(
    state: str, variables: dict[str, Any], scores: str, rollback: str
) -> None:
    assert following(state, **variables, rollback_to=NULL) == scores
    assert following(state, **variables, rollback_to="previous") == rollback


@pytest.mark.parametrize(
    ("available", "polls", "expected"),
    [
        (True, 2, "CheckModelAvailability"),
        (False, 0, "WaitForDailyData"),
        (False, 1, "WaitForDailyData"),
        (False, 2, "DailyDataMissing"),
    ],
)
def test_late_features_are_waited_for_but_not_forever(available: bool, polls: int, expected: str) -> None:
    data = {"available": available}
    assert following("IsDailyDataAvailable", daily_data=data, daily_data_polls=polls) == expected


@pytest.mark.parametrize(
    ("now", "seconds"), [("2026-05-20T10:00:00Z", 3600), ("2026-05-20T10:59:30.400Z", 29), ("2026-05-20T12:00:00Z", 1)]
)
def test_the_steps_of_a_cluster_share_its_minutes(now: str, seconds: int) -> None:
    states = DEFINITIONS["etl_pipeline"]["States"]
    (timeout,) = {
        states[step]["TimeoutSeconds"] for step in ("ProcessFeatures", "ValidateFeatures", "BuildTrainingData")
    }
    deadline = states["CreateCluster"]["Assign"]["cluster_deadline"].replace("${cluster_minutes}", "60")
    started, current = (datetime.fromisoformat(text).timestamp() * 1000 for text in ("2026-05-20T10:00:00Z", now))

    assert (
        evaluate(
            timeout.replace("$millis()", str(current)),
            cluster_deadline=evaluate(deadline.replace("$millis()", str(started))),
        )
        == seconds
    )


# A reason to accept a snapshot's input.

REASONS = st.one_of(
    st.from_regex(ACCEPT_REASON, fullmatch=True),
    st.text(max_size=210),
    st.text(" ab1.,:;()#+@_/-'\"$\\\\`", max_size=210),
)


def accepts(**execution_input: object) -> bool:
    """Check whether the ETL starts a cluster for an input."""
    states = DEFINITIONS["etl_pipeline"]["States"]
    (choice,) = states["IsAcceptReasonValid"]["Choices"]
    known = {"input": execution_input}
    reason = evaluate(states["ResolveRun"]["Assign"]["accept_input"], states=known)
    return bool(evaluate(choice["Condition"], states=known, accept_input=reason))


@given(reason=REASONS)
def test_the_etl_and_the_step_accept_the_same_reasons(reason: str) -> None:
    try:
        accepted = parse_accept_reason(reason) != ""
    except InvalidInputError:
        accepted = False

    assert accepts(accept_input=reason) is accepted


@pytest.mark.parametrize("reason", ["", " ", "it's down", "a\nb", True, 1, None, ["a"], {"a": "b"}])
def test_the_etl_fails_before_a_cluster_starts_if_a_reason_is_not_plain_text(reason: object) -> None:
    states = DEFINITIONS["etl_pipeline"]["States"]

    assert not accepts(accept_input=reason)
    assert states["IsAcceptReasonValid"]["Default"] == "InvalidAcceptReason"
    assert states["InvalidAcceptReason"]["Assign"]["failure"]["Error"] == "InvalidInputError"


@pytest.mark.parametrize(
    ("execution_input", "passed"),
    [({}, ""), ({"accept_input": "The portal was down"}, "The portal was down")],
)
def test_the_step_gets_the_reason_as_one_argument(execution_input: dict[str, str], passed: str) -> None:
    states = DEFINITIONS["etl_pipeline"]["States"]
    reason = evaluate(states["ResolveRun"]["Assign"]["accept_input"], states={"input": execution_input})
    last = states["ProcessFeatures"]["Arguments"]["Step"]["HadoopJarStep"]["Args"][-1]

    assert accepts(**execution_input)
    assert evaluate(last, accept_input=reason) == f"--accept-input={passed}"


def resolve(start_time: str, **execution_input: str) -> str:
    """Resolve the snapshot date as the state machines do."""
    context = {"context": {"Execution": {"StartTime": start_time}}, "input": execution_input}
    return str(evaluate(f"{{% {SNAPSHOT_DATE} %}}", states=context))


@given(st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)))
def test_the_state_machines_and_python_resolve_the_same_snapshot_date(start: datetime) -> None:
    resolved = resolve(start.strftime("%Y-%m-%dT%H:%M:%S.000Z"))

    assert resolved == format_partition_value(resolve_snapshot_date(start.replace(microsecond=0)))


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("2026-03-08T08:59:59.000Z", "20260306"),
        ("2026-07-01T05:59:59.000Z", "20260628"),
        ("2026-07-01T06:00:00.000Z", "20260629"),
        ("2026-12-01T06:59:59.000Z", "20261128"),
        ("2026-12-01T07:00:00.000Z", "20261129"),
    ],
)
def test_a_day_begins_at_midnight_mountain_time(start: str, expected: str) -> None:
    assert resolve(start) == expected


def test_the_input_decides_the_snapshot_date() -> None:
    assert resolve("2026-07-01T06:00:00.000Z", snapshot_date="20200130") == "20200130"
