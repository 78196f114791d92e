"""The Terraform configuration is formatted and valid, and deploys every function."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from buyer_stage.domain.data_inventory import top_folder
from buyer_stage.domain.stages import Stage
from tests.history_events import most_events
from tests.terraform_copy import initialized_copy, terraform
from tools.repository import REPOSITORY
from tools.state_machines import read
from tools.terraform import ENVIRONMENTS
from tools.terraform_layout import LAYOUT_FILE, layout, layout_json

TERRAFORM = REPOSITORY / "terraform"
FUNCTIONS = sorted(handler.parent.name for handler in REPOSITORY.glob("lambdas/*/handler.py"))
MAXIMUM_FUNCTION_NAME_LENGTH = 64

MAXIMUM_EVENTS = 25_000
"""See https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html."""


@pytest.fixture(scope="module")
def configuration(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("configuration")
    (root / "build/packages").mkdir(parents=True)
    (root / "build/packages/code_version.txt").write_text("1.0.0\n")
    (root / "build/packages" / LAYOUT_FILE).write_text(layout_json())
    for folder in ("statemachine", "sql"):
        shutil.copytree(REPOSITORY / folder, root / folder)
    return initialized_copy(TERRAFORM, root)


def test_configuration_is_formatted(configuration: Path) -> None:
    terraform(configuration, "fmt", "-check", "-recursive", "-diff")


def test_terraform_tests_pass_without_a_warning(configuration: Path) -> None:
    packages = configuration.parent / "build/packages"
    (packages / "functions").mkdir()
    for name in ("layer", *(f"functions/{function}" for function in FUNCTIONS)):
        (packages / f"{name}.zip").write_text(name)
    output = terraform(configuration, "test")
    assert re.search(r"Success! \d+ passed, 0 failed\.", output)
    assert "Warning:" not in output


def test_every_function_is_deployed() -> None:
    text = (TERRAFORM / "modules/functions/main.tf").read_text()
    functions = text[text.index("\n  functions = {") : text.index("\n  names = {")]

    assert sorted(re.findall(r"^    (\w+) = \{$", functions, flags=re.MULTILINE)) == FUNCTIONS


def test_dashboard_has_a_line_for_every_stage() -> None:
    text = (TERRAFORM / "modules/observability/main.tf").read_text()

    assert re.findall(r"^  stages += \[(.*)\]$", text, flags=re.MULTILINE) == [
        ", ".join(f'"{stage.value.title().replace(" ", "")}"' for stage in Stage)
    ]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_function_name_is_short_enough_for_lambda_and_its_role(function: str, environment: str) -> None:
    assert len(f"buyer-stage-{function}-{environment}") <= MAXIMUM_FUNCTION_NAME_LENGTH


@pytest.mark.parametrize("environment", [name for name in ENVIRONMENTS if name != "local"])
def test_no_execution_writes_more_events_than_step_functions_keeps(environment: str, tmp_path: Path) -> None:
    """The local environment polls every second; its local cloud counts the events."""
    variables = tmp_path / "variables"
    variables.mkdir()
    shutil.copy(TERRAFORM / "variables.tf", variables)
    values = f"-var-file={TERRAFORM}/environments/{environment}.tfvars"
    polls = json.loads(json.loads(terraform(variables, "console", values, given="jsonencode(var.polls)")))
    limits = {f"{job}_poll_limit": poll["limit"] for job, poll in polls.items()}

    for pipeline in ("etl_pipeline", "ml_pipeline"):
        assert most_events(read(pipeline), limits) < MAXIMUM_EVENTS


POLL: dict[str, Any] = {"Type": "Task", "Resource": ":lambda:invoke", "Retry": [{"MaxAttempts": 4}], "Next": "IsDone"}
LOOP: dict[str, Any] = {
    "Wait": {"Type": "Wait", "Assign": {"polls": "{% $polls + 1 %}"}, "Next": "Poll"},
    "Poll": POLL,
    "IsDone": {
        "Type": "Choice", "Default": "Failed",
        "Choices": [
            {"Condition": "{% $done %}", "Next": "Done"}, {"Condition": "{% $polls < ${poll_limit} %}", "Next": "Wait"},
        ],
    },
    "Done": {"Type": "Succeed"},
    "Failed": {"Type": "Fail"},
}  # fmt: skip
AGAIN = {"Type": "Choice", "Choices": [{"Condition": "{% $tries < 2 %}", "Next": "Start"}], "Default": "Done"}
START = {"Type": "Pass", "Assign": {"tries": "{% $tries + 1 %}"}, "Next": "Wait"}


@pytest.mark.parametrize(
    ("states", "events"),
    [
        ({}, 2 + 2 + (1 + 10) * (2 + 2 + 5 * 3 + 2)),
        ({"Poll": {**POLL, "Resource": ":createTransformJob.sync"}}, 2 + 2 + (1 + 10) * (2 + 2 + 5 * 4 + 2)),
        # Each of three tries can poll ten times, because a try starts to count again.
        (
            {
                "Start": {**START, "Assign": {**START["Assign"], "polls": 0}}, "Again": AGAIN,
                "IsDone": {**LOOP["IsDone"], "Default": "Again"},
            },
            2 + 2 + 3 * (2 + 21 + 2) + 3 * 10 * (21 + 2),
        ),
    ],
    ids=["one loop", "job", "loop in a loop"],
)  # fmt: skip
def test_events_are_counted_as_if_every_task_failed_before_it_succeeds(states: dict[str, Any], events: int) -> None:
    definition = {"StartAt": "Start" if "Start" in states else "Wait", "States": {**LOOP, **states}}

    assert most_events(definition, {"poll_limit": 10}) == events


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_tfvars_set_only_declared_variables_and_attributes(environment: str) -> None:
    """Terraform ignores an attribute that the type of a variable does not have."""
    values = (TERRAFORM / f"environments/{environment}.tfvars").read_text()
    declared = {
        name: set(re.findall(r"\b(\w+) += ", block))
        for name, block in re.findall(
            r'^variable "(\w+)" \{\n(.*?)^\}', (TERRAFORM / "variables.tf").read_text(), flags=re.MULTILINE | re.DOTALL
        )
    }

    assert re.search(rf'^environment += "{environment}"$', values, flags=re.MULTILINE)
    for name, value in re.findall(r"^(\w+) += (\{\n.*?\n\}|[^\n]+)$", values, flags=re.MULTILINE | re.DOTALL):
        assert name in declared
        assert set(re.findall(r"\b(\w+) += ", value)) <= declared[name]


def test_no_configuration_spells_a_prefix_of_the_s3_layout() -> None:
    folders = {top_folder(value).removesuffix("/") for value in layout().values()}
    words = "|".join(sorted(folders))
    only_a_folder = "|".join(sorted(folders - layout().keys()))
    spelled = re.compile(rf'["/](?:{words})[/*]|"(?:{only_a_folder})"')
    found = {file.name: spelled.findall(file.read_text()) for file in TERRAFORM.rglob("*.tf")}

    assert {name: prefixes for name, prefixes in found.items() if prefixes} == {}


def test_configuration_does_not_know_the_local_cloud() -> None:
    texts = {file: file.read_text() for file in TERRAFORM.rglob("*.tf")}

    assert [file for file, text in texts.items() if re.search(r"endpoints|skip_|localhost|127\.0\.0\.1", text)] == []


def test_minimum_terraform_version_is_the_same_everywhere_and_ci_has_it() -> None:
    files = [*TERRAFORM.rglob("versions.tf")]
    (minimum,) = {
        version for file in files for version in re.findall(r'required_version = ">= (.+)"', file.read_text())
    }
    action = (REPOSITORY / ".github/actions/toolchain/action.yml").read_text()
    (installed,) = re.findall(r"terraform_version: (.+)", action)

    assert [int(part) for part in installed.split(".")] >= [int(part) for part in minimum.split(".")]
