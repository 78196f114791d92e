"""The drawings of a state machine, of modules and of the architecture."""

import pytest

from tools.diagrams.architecture import HELPERS, PARTS, DiagramError, draw_architecture
from tools.diagrams.markdown import table
from tools.diagrams.modules import draw_modules, outputs_taken_by_most, read_module_calls
from tools.diagrams.state_machines import draw_state_machine, state_rows

TO_NOTIFY = [{"ErrorEquals": ["States.ALL"], "Next": "Notify"}]
MACHINE = {
    "StartAt": "Check",
    "States": {
        "Check": {
            "Type": "Task",
            "Comment": "Is it there?",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Arguments": {"FunctionName": "${check_it}"},
            "Catch": TO_NOTIFY,
            "Next": "IsThere",
        },
        "IsThere": {
            "Type": "Choice",
            "Choices": [{"Condition": '{% $there and $count < ${limit} and $name = "a" %}', "Next": "Score"}],
            "Default": "Missing",
        },
        "Missing": {"Type": "Pass", "Assign": {"failure": {"Cause": "not there"}}, "Next": "Notify"},
        "Score": {"Type": "Task", "Catch": TO_NOTIFY, "Next": "Done"},
        "Done": {"Type": "Succeed"},
        "Notify": {
            "Type": "Task",
            "Resource": "arn:aws:states:::sns:publish",
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Failed"}],
            "Next": "Failed",
        },
        "Failed": {"Type": "Fail"},
    },
}


@pytest.fixture
def drawn() -> list[str]:
    return [line.strip() for line in draw_state_machine(MACHINE).splitlines()]


def test_states_whose_errors_lead_to_the_same_state_share_a_box_and_one_arrow(drawn: list[str]) -> None:
    box = drawn[drawn.index('subgraph until_Notify[" "]') + 1 : drawn.index("end")]

    assert [line.split('"')[1].split("<")[0] for line in box] == ["Check", "IsThere", "Missing", "Score"]
    assert [line for line in drawn if line.endswith("Notify") and "->" in line] == [
        "until_Notify -. any error .-> Notify"
    ]


def test_error_that_leads_to_the_next_state_has_no_arrow_of_its_own(drawn: list[str]) -> None:
    assert [line for line in drawn if "Failed" in line and ">" in line] == ["Notify --> Failed"]


def test_condition_is_shortened_and_escaped(drawn: list[str]) -> None:
    assert 'IsThere -->|"there and count #60; limit and name = #34;a#34;"| Score' in drawn
    assert 'IsThere -->|"otherwise"| Missing' in drawn


def test_long_condition_is_cut() -> None:
    states = {
        "A": {
            "Type": "Choice",
            "Choices": [{"Condition": "{% " + "$x or " * 40 + "$y %}", "Next": "B"}],
            "Default": "B",
        },
        "B": {"Type": "Succeed"},
    }
    (line,) = [line for line in draw_state_machine({"StartAt": "A", "States": states}).splitlines() if "x or" in line]

    assert len(line) < 90
    assert "…" in line


def test_single_state_with_a_catch_has_an_arrow_instead_of_a_box() -> None:
    states = {name: MACHINE["States"][name] for name in ("Score", "Done", "Notify", "Failed")}
    drawn = draw_state_machine({"StartAt": "Score", "States": states})

    assert "  Score -. error .-> Notify" in drawn.splitlines()
    assert "subgraph" not in drawn


def test_table_says_what_each_state_calls() -> None:
    assert table(("state", "why", "calls"), *state_rows(MACHINE["States"])).splitlines() == [
        "| state | why | calls |",
        "|---|---|---|",
        "| Check | Is it there? | function `check_it` |",
        "| IsThere |  |  |",
        "| Missing |  |  |",
        "| Score |  |  |",
        "| Done |  |  |",
        "| Notify |  | `sns:publish` |",
        "| Failed |  |  |",
    ]


ROOT = """
module "key" {
  source = "./modules/key"
}

module "bucket" {
  key = module.key.arn
}

module "table" {
  key  = module.key.arn
  tags = { bucket = module.bucket.name, other = module.bucket.arn }
}
"""


def test_arrow_between_modules_lists_the_outputs_that_one_takes_from_the_other() -> None:
    calls = read_module_calls(ROOT)
    assert calls == {
        "key": set(),
        "bucket": {("key", "arn")},
        "table": {("key", "arn"), ("bucket", "name"), ("bucket", "arn")},
    }

    assert outputs_taken_by_most(calls) == {("key", "arn"): ["bucket", "table"]}
    assert [line.strip() for line in draw_modules(calls).splitlines() if "-->" in line] == [
        'bucket -->|"arn<br/>name"| table'
    ]


DRAWN = {kind for part in PARTS.values() for kind in part.draws}


def test_architecture_leaves_helpers_out() -> None:
    helpers = {f"some_module.{kind}" for kind in HELPERS}

    assert draw_architecture(DRAWN | helpers) == draw_architecture(DRAWN)


def test_resource_that_is_not_drawn_is_an_error_that_names_it() -> None:
    with pytest.raises(DiagramError, match=r"storage\.aws_kinesis_stream"):
        draw_architecture(DRAWN | {"storage.aws_kinesis_stream"})


def test_drawn_resource_that_is_gone_is_an_error_that_names_it() -> None:
    with pytest.raises(DiagramError, match=r"glue_job\.aws_glue_job"):
        draw_architecture(DRAWN - {"glue_job.aws_glue_job"})
