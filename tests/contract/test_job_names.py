"""SageMaker accepts the names of all jobs, in every environment."""

import ast
import re

import pytest

from buyer_stage.domain.job_names import job_name, job_prefix
from localcloud.sagemaker.constraints import violations
from tools.repository import REPOSITORY
from tools.terraform import ENVIRONMENTS

MANY_ATTEMPTS = 999


def transform_purposes() -> list[str]:
    """Return the purpose of every transform that the functions start."""
    return sorted(
        ast.literal_eval(keyword.value)
        for file in (REPOSITORY / "lambdas").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "start_transform"
        for keyword in node.keywords
        if keyword.arg == "purpose"
    )


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_name_of_a_training_is_accepted_for_its_job_model_and_package(environment: str) -> None:
    name = job_name(environment, "", "work", attempt=MANY_ATTEMPTS)
    assert violations("CreateAutoMLJobV2", {"AutoMLJobName": name}) == []
    assert violations("CreateModel", {"ModelName": name}) == []
    assert violations("CreateModelPackage", {"ClientToken": name}) == []


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("purpose", transform_purposes())
def test_name_of_a_transform_is_accepted(environment: str, purpose: str) -> None:
    name = job_name(environment, purpose, "work", attempt=MANY_ATTEMPTS)
    assert violations("CreateTransformJob", {"TransformJobName": name}) == []


def test_prefix_of_one_environment_starts_no_name_of_another() -> None:
    names = {environment: job_name(environment, "", "work", attempt=1) for environment in ENVIRONMENTS}
    assert {(one, other) for one in names for other, name in names.items() if name.startswith(job_prefix(one))} == {
        (environment, environment) for environment in ENVIRONMENTS
    }


def test_permissions_are_for_the_prefix_of_the_names() -> None:
    locals_file = (REPOSITORY / "terraform/locals.tf").read_text()
    assert re.findall(r'job_prefix += "(.+)"', locals_file) == [job_prefix("dev").replace("dev", "${var.environment}")]


def test_all_transforms_are_among_the_purposes() -> None:
    assert transform_purposes() == ["holdout", "transform"]
