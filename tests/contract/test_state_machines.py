"""The state machine definitions, as text: complete, bounded, and saying the same day as the Python domain."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import jsonata
import pytest
from hypothesis import given
from hypothesis import strategies as st

from buyer_stage.domain.snapshot_date import DEFAULT_LAG_DAYS, format_partition_value, resolve_snapshot_date
from tools.repository import REPOSITORY

FOLDER = REPOSITORY / "statemachine"
SNAPSHOT_DATE = (FOLDER / "snapshot_date.jsonata").read_text().replace("${lag_days}", str(DEFAULT_LAG_DAYS))
PLACEHOLDER_VALUES = {"cluster": "{}", "cluster_minutes": "60", "snapshot_date": json.dumps(SNAPSHOT_DATE)[1:-1]}
ENDS = ("Succeed", "Fail")


def load(name: str) -> dict[str, Any]:
    template = (FOLDER / f"{name}.asl.json").read_text()
    filled = re.sub(r"\$\{(\w+)\}", lambda m: PLACEHOLDER_VALUES.get(m[1], "1"), template)
    return json.loads(filled)


def next_states(state: dict[str, Any]) -> set[str]:
    branches = [state, *state.get("Choices", []), *state.get("Catch", [])]
    return {branch["Next"] for branch in branches if "Next" in branch} | (
        {state["Default"]} if "Default" in state else set()
    )


def texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [text for child in children for text in texts(child)]


@pytest.fixture(params=["etl_pipeline", "ml_pipeline"])
def definition(request: pytest.FixtureRequest) -> dict[str, Any]:
    return load(request.param)


def test_every_state_can_be_reached_and_every_next_state_exists(definition: dict[str, Any]) -> None:
    reached, frontier = set(), {definition["StartAt"]}
    while frontier:
        reached |= frontier
        frontier = {name for state in frontier for name in next_states(definition["States"][state])} - reached
    assert reached == set(definition["States"])


def test_every_state_but_the_ends_leads_on(definition: dict[str, Any]) -> None:
    dead = [n for n, s in definition["States"].items() if not next_states(s) and s["Type"] not in ENDS]
    assert dead == []


def test_every_state_says_why_it_is_there_and_waits_aside(definition: dict[str, Any]) -> None:
    silent = [n for n, s in definition["States"].items() if s["Type"] != "Wait" and not s.get("Comment")]
    assert silent == []


def test_every_task_has_a_timeout_bounded_jittered_retries_and_a_catch(definition: dict[str, Any]) -> None:
    states = definition["States"]
    for name, state in states.items():
        if state["Type"] in ("Task", "Map"):
            assert state["Catch"][-1]["ErrorEquals"] == ["States.ALL"], name
    # What a Map does for each item is caught by the Map.
    inner = {name: task for s in states.values() for name, task in s.get("ItemProcessor", {}).get("States", {}).items()}
    tasks = {name: state for name, state in {**states, **inner}.items() if state["Type"] == "Task"}
    assert tasks
    for name, task in tasks.items():
        assert isinstance(task["TimeoutSeconds"], str) or task["TimeoutSeconds"] > 0, name
        for retry in task["Retry"]:
            assert "States.ALL" not in retry["ErrorEquals"], f"{name} would retry a wrong input"
            assert retry["MaxAttempts"] <= 4, name
            assert retry["BackoffRate"] > 1, name
            assert retry["MaxDelaySeconds"] > 0, name
            assert retry["JitterStrategy"] == "FULL", name


def test_every_failure_is_notified_and_then_fails_the_execution(definition: dict[str, Any]) -> None:
    states = definition["States"]
    assert states["SendSNSNotification"]["Next"] == "Failed"
    assert states["SendSNSNotification"]["Catch"][0]["Next"] == "Failed"
    assert states["Failed"]["Type"] == "Fail"
    for name, state in states.items():
        for catch in state.get("Catch", []):
            assert catch["Next"] in {"SendSNSNotification", "TerminateCluster", "HasModelAllTheSame", "Failed"}, name


def test_every_expression_is_jsonata(definition: dict[str, Any]) -> None:
    expressions = [t for t in texts(definition["States"]) if t.startswith("{%")]
    assert expressions
    for expression in expressions:
        assert expression.endswith("%}")
        jsonata.Jsonata(expression[2:-2])


def test_every_wait_loop_has_a_bound(definition: dict[str, Any]) -> None:
    states = definition["States"]
    waits = [state for state in states.values() if state["Type"] == "Wait"]
    for wait in waits:
        (counter,) = wait["Assign"]
        decision = states[states[wait["Next"]]["Next"]]
        assert any(f"${counter} <" in choice["Condition"] for choice in decision["Choices"])
        assert states[decision["Default"]]["Assign"]["failure"]["error"] == "PollLimitExceeded"


def test_a_cluster_is_terminated_on_every_way_from_its_creation() -> None:
    states = load("etl_pipeline")["States"]
    after_creation = {"ProcessFeatures", "ValidateFeatures", "ShouldBuildTrainingData", "BuildTrainingData"}
    for name in after_creation:
        assert next_states(states[name]) <= after_creation | {"TerminateCluster"}
    assert states["CreateCluster"]["Next"] in after_creation


def test_the_ml_pipeline_calls_each_function_once_and_no_other() -> None:
    template = (FOLDER / "ml_pipeline.asl.json").read_text()
    called = re.findall(r'"FunctionName": "\$\{(\w+)\}"', template)
    functions = [f.parent.name for f in (REPOSITORY / "lambdas").glob("*/handler.py")]
    assert sorted(called) == sorted(functions)
    assert len(functions) == 13


def test_a_training_that_fails_is_told_when_members_are_served() -> None:
    states = load("ml_pipeline")["States"]
    training = {
        "CheckTrainingDataAvailability", "StartAutoML", "CheckAutoMLStatus", "CreateCandidateModel", "ScoreHoldout",
        "CreateAndSaveModel",
    }  # fmt: skip
    caught = {
        name
        for name, state in states.items()
        for catch in state.get("Catch", [])
        if catch["Next"] == "HasModelAllTheSame"
    }
    assert caught == training
    assert next_states(states["HasModelAllTheSame"]) == {"StartBatchTransformation", "SendSNSNotification"}
    before_done = {name for name, state in states.items() if "Done" in next_states(state)}
    assert before_done == {"HasTrainingFailed"}
    assert next_states(states["HasTrainingFailed"]) == {"Done", "SendSNSNotification"}


@pytest.mark.parametrize(
    ("now", "seconds"), [("2026-05-20T10:00:00Z", 3600), ("2026-05-20T10:59:30.400Z", 29), ("2026-05-20T12:00:00Z", 1)]
)
def test_the_steps_of_a_cluster_share_an_hour(now: str, seconds: int) -> None:
    states = load("etl_pipeline")["States"]
    steps = ("ProcessFeatures", "ValidateFeatures", "BuildTrainingData")
    (timeout,) = {states[step]["TimeoutSeconds"] for step in steps}
    started, current = (datetime.fromisoformat(text).timestamp() * 1000 for text in ("2026-05-20T10:00:00Z", now))
    deadline = states["CreateCluster"]["Assign"]["cluster_deadline"][2:-2].replace("$millis()", str(started))
    expression = f"($cluster_deadline := {deadline}; {timeout[2:-2].replace('$millis()', str(current))})"
    assert jsonata.Jsonata(expression).evaluate(None) == seconds


def resolve(start_time: str, **execution_input: str) -> str:
    expression = jsonata.Jsonata(SNAPSHOT_DATE)
    expression.assign("states", {"context": {"Execution": {"StartTime": start_time}}, "input": execution_input})
    return expression.evaluate({})


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


def test_a_snapshot_date_that_is_asked_for_is_taken() -> None:
    assert resolve("2026-07-01T06:00:00.000Z", snapshot_date="20200130") == "20200130"
