"""Step Functions accepts the definitions that Terraform renders.

asl-validator (https://github.com/ChristopheBougere/asl-validator) checks fields, transitions, and the JSONata
outside of `Catch`. The `jsonata` package checks all JSONata.
"""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import jsonata
import pytest

from tests.local_stack import Stack
from tools.repository import REPOSITORY
from tools.state_machines import expressions

PINNED = REPOSITORY / "tests/infra/asl_validator"
INSTALLED = REPOSITORY / "build/asl_validator"
LOCK = "package-lock.json"


def install_validator() -> Path:
    """Install the pinned validator, unless it is there already, and return its program. Skip the test without Node."""
    program = INSTALLED / "node_modules/.bin/asl-validator"
    if shutil.which("npm") is None:
        pytest.skip("asl-validator did not check the definitions: npm is not on PATH (install Node)")
    if program.exists() and (INSTALLED / LOCK).read_bytes() == (PINNED / LOCK).read_bytes():
        return program
    shutil.copytree(PINNED, INSTALLED, dirs_exist_ok=True)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=INSTALLED, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"asl-validator did not check the definitions: npm could not install it: {done.stderr.strip()}")
    return program


@pytest.fixture(scope="module")
def validate(tmp_path_factory: pytest.TempPathFactory) -> Callable[[dict[str, Any]], str]:
    """Validate a definition; return the errors, or an empty text."""
    program = install_validator()
    file = tmp_path_factory.mktemp("definition") / "definition.json"

    def run(definition: dict[str, Any]) -> str:
        file.write_text(json.dumps(definition))
        done = subprocess.run([program, "--json-path", file], capture_output=True, text=True)
        return "" if done.returncode == 0 else done.stdout + done.stderr

    return run


@pytest.fixture(params=["etl", "ml"])
def rendered(stack: Stack, request: pytest.FixtureRequest) -> dict[str, Any]:
    """A definition as Terraform has deployed it."""
    aliases = {"etl": stack.deployment.etl_state_machine_arn, "ml": stack.deployment.ml_state_machine_arn}
    machine_arn = aliases[request.param].rpartition(":")[0]
    machine = boto3.client("stepfunctions").describe_state_machine(stateMachineArn=machine_arn)
    definition: dict[str, Any] = json.loads(machine["definition"])
    return definition


def test_rendered_definition_is_valid(rendered: dict[str, Any], validate: Callable[[dict[str, Any]], str]) -> None:
    assert validate(rendered) == ""


def test_rendered_definition_has_no_placeholder_left(rendered: dict[str, Any]) -> None:
    assert "${" not in json.dumps(rendered)


def test_rendered_expressions_are_jsonata_on_one_line(rendered: dict[str, Any]) -> None:
    for expression in expressions(rendered):
        assert "\n" not in expression
        jsonata.Jsonata(expression)


@pytest.mark.parametrize(
    "damage",
    [
        {"Next": "Nowhere"},
        {"Timeout": 60},
        {"Assign": {"snapshot_date": "{% $now( %}"}},
        {"Assign": {"snapshot_date": "{% (\n$now()) %}"}},
    ],
    ids=["next state that does not exist", "unknown field", "syntax error in JSONata", "JSONata on two lines"],
)
def test_validator_notices(
    rendered: dict[str, Any], validate: Callable[[dict[str, Any]], str], damage: dict[str, Any]
) -> None:
    rendered["States"]["ResolveRun"].update(damage)

    assert "is invalid" in validate(rendered)


def test_without_node_the_check_says_that_it_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    with pytest.raises(pytest.skip.Exception, match="npm is not on PATH"):
        install_validator()
