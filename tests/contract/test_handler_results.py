"""The ML state machine reads what the handlers return and sends what they accept."""

import dataclasses
import importlib
import inspect
import json
import os
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from tests.function_environment import FUNCTION_ENVIRONMENT
from tools.repository import REPOSITORY
from tools.state_machines import called_function, read

FUNCTIONS = sorted(path.parent.name for path in REPOSITORY.glob("lambdas/*/handler.py"))
CALLED_BY_PRODUCT_TEAMS = {"look_up_stage"}
SCHEDULED = {"report_freshness"}
"""Functions that a schedule calls. `terraform/tests/schedules.tftest.hcl` checks what it sends."""

os.environ.update(FUNCTION_ENVIRONMENT)  # before the handlers are imported


def states() -> dict[str, dict[str, Any]]:
    """Return the states of the ML state machine by name."""
    return dict(read("ml_pipeline")["States"])


CALLING = {name: function for name, state in states().items() if (function := called_function(state))}
"""State -> the function that it calls."""


def annotations(function: str) -> dict[str, Any]:
    """Return the types of a handler's event and result."""
    handler = importlib.import_module(f"lambdas.{function}.handler").handler
    return inspect.get_annotations(inspect.unwrap(handler))


def result_fields(function: str) -> set[str]:
    return {field.name for field in dataclasses.fields(annotations(function)["return"])}


def texts(value: Any) -> Iterator[str]:
    """Yield all strings of a part of the definition."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for child in value.values() if isinstance(value, dict) else value:
            yield from texts(child)


def variables() -> dict[str, set[str]]:
    """Return the fields of each variable that a function's result is assigned to or merged into."""
    fields: dict[str, set[str]] = defaultdict(set)
    for name, function in CALLING.items():
        for variable, expression in states()[name].get("Assign", {}).items():
            if "$states.result.Payload" in expression:
                fields[variable] |= result_fields(function)
    return fields


def fields_read(name: str, expressions: Iterator[str]) -> set[str]:
    """Return the fields of a variable, or of `states.result.Payload`, that JSONata expressions read."""
    pattern = re.compile(rf"\${re.escape(name)}\.(\w+)")
    return {field for expression in expressions for field in pattern.findall(expression)}


def test_state_machine_calls_every_function_that_nothing_else_calls() -> None:
    assert sorted({*CALLING.values(), *SCHEDULED, *CALLED_BY_PRODUCT_TEAMS}) == FUNCTIONS
    assert SCHEDULED.isdisjoint(CALLING.values())


@pytest.mark.parametrize("function", sorted(SCHEDULED))
def test_sample_event_of_a_scheduled_function_is_valid(function: str) -> None:
    sample = json.loads((REPOSITORY / f"tests/events/{function}.json").read_text())
    annotations(function)["event"].model_validate(sample)


@pytest.mark.parametrize("variable", sorted(variables()))
def test_expressions_read_fields_that_the_handlers_return(variable: str) -> None:
    assert fields_read(variable, texts(states())) <= variables()[variable]


@pytest.mark.parametrize("state", CALLING)
def test_state_reads_fields_that_its_own_handler_returns(state: str) -> None:
    assert fields_read("states.result.Payload", texts(states()[state])) <= result_fields(CALLING[state])


def test_expressions_read_no_variable_that_is_never_assigned() -> None:
    assigned = {name for state in states().values() for part in assignments(state) for name in part}
    expressions = list(texts(states()))
    read = {name for text in expressions if "{%" in text for name in re.findall(r"\$(\w+)\.\w", text)} - {"states"}
    assert {"model", "daily_data", "automl"} <= read
    assert read <= assigned


def assignments(state: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what a state assigns, when it succeeds and when an error is caught."""
    for branch in (state, *state.get("Catch", []), *state.get("Choices", [])):
        yield branch.get("Assign", {})


@pytest.mark.parametrize("state", CALLING)
def test_payload_has_the_fields_of_the_event(state: str) -> None:
    fields = annotations(CALLING[state])["event"].model_fields
    payload = set(states()[state]["Arguments"]["Payload"])
    assert payload <= fields.keys()
    assert payload >= {name for name, field in fields.items() if field.is_required()}


@pytest.mark.parametrize("state", CALLING)
def test_sample_event_has_the_fields_of_the_payload(state: str) -> None:
    function = CALLING[state]
    sample = json.loads((REPOSITORY / f"tests/events/{function}.json").read_text())
    assert sample.keys() == states()[state]["Arguments"]["Payload"].keys()
    annotations(function)["event"].model_validate(sample)


def test_names_that_no_handler_returns_are_noticed() -> None:
    assert fields_read("model", iter(["{% $model.vailable and $models.x %}"])) == {"vailable"}
    assert not {"vailable"} <= variables()["model"]
