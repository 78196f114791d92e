"""The names of all jobs that the functions start are short enough."""

import ast

import pytest

from buyer_stage.domain.job_names import MAXIMUM_LENGTH, job_name
from tools.repository import REPOSITORY


def purposes() -> list[str]:
    """Return the first argument of every call of `job_name` in the functions."""
    calls = [
        node
        for file in sorted((REPOSITORY / "lambdas").rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "job_name"
    ]
    return [ast.literal_eval(call.args[0]) for call in calls]


@pytest.mark.parametrize("purpose", purposes())
def test_job_name_of_every_purpose_fits(purpose: str) -> None:
    assert len(job_name(purpose, "daily-2020-02-01")) <= MAXIMUM_LENGTH


def test_transforms_and_trainings_are_among_the_purposes() -> None:
    assert {"buyer-stage-automl", "buyer-stage-transform", "buyer-stage-holdout"} <= set(purposes())
