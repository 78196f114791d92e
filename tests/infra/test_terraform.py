"""The Terraform configuration is formatted and valid, and knows every function and placeholder of the product."""

import re
import shutil
from pathlib import Path

import pytest

from buyer_stage.domain.stages import Stage
from tests.terraform_copy import initialized_copy, terraform
from tools.repository import REPOSITORY
from tools.terraform import ENVIRONMENTS

TERRAFORM = REPOSITORY / "terraform"
FUNCTIONS = sorted(handler.parent.name for handler in REPOSITORY.glob("lambdas/*/handler.py"))
MAXIMUM_FUNCTION_NAME_LENGTH = 64


@pytest.fixture(scope="module")
def configuration(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("configuration")
    (root / "build/packages").mkdir(parents=True)
    (root / "build/packages/code_version.txt").write_text("1.0.0\n")
    for folder in ("statemachine", "sql"):
        shutil.copytree(REPOSITORY / folder, root / folder)
    return initialized_copy(TERRAFORM, root)


def test_configuration_is_formatted(configuration: Path) -> None:
    terraform(configuration, "fmt", "-check", "-recursive", "-diff")


def test_configuration_is_valid(configuration: Path) -> None:
    assert "Success! The configuration is valid.\n" in terraform(configuration, "validate")


def test_terraforms_own_tests_pass(configuration: Path) -> None:
    packages = configuration.parent / "build/packages"
    (packages / "functions").mkdir()
    for name in ("layer", *(f"functions/{function}" for function in FUNCTIONS)):
        (packages / f"{name}.zip").write_text(name)
    assert re.search(r"Success! \d+ passed, 0 failed\.", terraform(configuration, "test"))


def test_every_function_of_the_product_is_deployed() -> None:
    text = (TERRAFORM / "modules/functions/main.tf").read_text()
    functions = text[text.index("\n  functions = {") : text.index("\n  names = {")]

    assert sorted(re.findall(r"^    (\w+) = \{$", functions, flags=re.MULTILINE)) == FUNCTIONS


def test_every_stage_has_its_line_on_the_dashboard() -> None:
    text = (TERRAFORM / "modules/observability/main.tf").read_text()

    assert re.findall(r"^  stages += \[(.*)\]$", text, flags=re.MULTILINE) == [
        ", ".join(f'"{stage.value.title().replace(" ", "")}"' for stage in Stage)
    ]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_name_of_a_function_is_short_enough_for_lambda_and_its_role(function: str, environment: str) -> None:
    assert len(f"buyer-stage-{function}-{environment}") <= MAXIMUM_FUNCTION_NAME_LENGTH


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_values_of_an_environment_are_its_own_and_all_declared(environment: str) -> None:
    names = re.compile(r"^(\w+) +=", flags=re.MULTILINE)
    values = (TERRAFORM / f"environments/{environment}.tfvars").read_text()
    declared = re.findall(r'^variable "(\w+)"', (TERRAFORM / "variables.tf").read_text(), flags=re.MULTILINE)

    assert re.search(rf'^environment += "{environment}"$', values, flags=re.MULTILINE)
    assert set(names.findall(values)) <= set(declared)


def test_configuration_knows_of_no_local_cloud() -> None:
    texts = {file: file.read_text() for file in TERRAFORM.rglob("*.tf")}

    assert [file for file, text in texts.items() if re.search(r"endpoints|skip_|localhost|127\.0\.0\.1", text)] == []
