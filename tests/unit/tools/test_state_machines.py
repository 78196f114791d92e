"""The parser of the state machine definitions, on small ones."""

import pytest

from tools.state_machines import (
    Transition,
    called_function,
    error_handlers,
    expressions,
    next_states,
    transitions,
)

CATCH = [{"ErrorEquals": ["States.ALL"], "Next": "Notify"}]


def test_choice_leads_to_each_of_its_conditions_and_to_its_default() -> None:
    choice = {"Type": "Choice", "Choices": [{"Condition": "{% $done %}", "Next": "Score"}], "Default": "Wait"}

    assert list(transitions(choice)) == [Transition("choice", "Score", "$done"), Transition("otherwise", "Wait")]


def test_task_leads_to_its_next_state_and_its_errors_to_the_handler() -> None:
    task = {"Type": "Task", "Next": "Score", "Catch": CATCH}

    assert list(transitions(task)) == [Transition("next", "Score"), Transition("error", "Notify")]
    assert (next_states(task), error_handlers(task)) == ({"Score"}, {"Notify"})


def test_end_leads_nowhere() -> None:
    assert list(transitions({"Type": "Succeed"})) == []


def test_expressions_are_found_at_any_depth() -> None:
    value = {"Seconds": "{% ${poll} %}", "Arguments": {"Args": ["spark-submit", "{% $day %}"]}, "TimeoutSeconds": 60}

    assert list(expressions(value)) == ["${poll}", "$day"]


@pytest.mark.parametrize("text", ["snapshot {% $day %}", "{% $day %} failed", "{% $day"])
def test_text_around_an_expression_is_an_error_that_shows_it(text: str) -> None:
    with pytest.raises(ValueError, match="is not one JSONata expression"):
        list(expressions({"Name": text}))


@pytest.mark.parametrize(
    ("state", "function"),
    [
        (
            {"Resource": "arn:aws:states:::lambda:invoke", "Arguments": {"FunctionName": "${check_drift}"}},
            "check_drift",
        ),
        ({"Resource": "arn:aws:states:::sagemaker:createTransformJob.sync", "Arguments": "{% $states.input %}"}, None),
        ({"Type": "Succeed"}, None),
    ],
)
def test_function_is_known_by_its_folder(state: dict[str, object], function: str | None) -> None:
    assert called_function(state) == function
