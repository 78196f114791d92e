"""Tests of the constraints that botocore's model of SageMaker states, and that botocore does not check."""

from typing import Any

import pytest

from localcloud.sagemaker.constraints import violations


def automl_job(name: str) -> dict[str, Any]:
    return {"AutoMLJobName": name}


@pytest.mark.parametrize("name", ["a", "buyer-stage-local-0123456789-999"])
def test_valid_name_has_no_violation(name: str) -> None:
    assert violations("CreateAutoMLJobV2", automl_job(name)) == []


@pytest.mark.parametrize(
    ("name", "constraint"),
    [
        ("", "have length greater than or equal to 1"),
        ("buyer-stage-local-0123456789-1000", "have length less than or equal to 32"),
        ("buyer_stage", "satisfy regular expression pattern: "),
    ],
)
def test_name_that_is_too_short_too_long_or_has_other_characters_is_a_violation(name: str, constraint: str) -> None:
    (violation,) = violations("CreateAutoMLJobV2", automl_job(name))
    assert violation.startswith(
        f"Value '{name}' at 'AutoMLJobName' failed to satisfy constraint: Member must {constraint}"
    )


@pytest.mark.parametrize(
    ("operation", "request_body", "path", "constraint"),
    [
        ("CreateTransformJob", {"MaxPayloadInMB": -1}, "MaxPayloadInMB", "have value greater than or equal to 0"),
        ("CreateTransformJob", {"BatchStrategy": "Many"}, "BatchStrategy", "satisfy enum value set: [MultiRecord, "),
        (
            "CreateModel",
            {"Containers": [{"Image": "image"}, {"Image": "an image"}]},
            "Containers.2.Image",
            "satisfy regular expression pattern: ",
        ),
        ("CreateModel", {"Tags": [{}] * 51}, "Tags", "have length less than or equal to 50"),
        (
            "CreateModel",
            {"PrimaryContainer": {"Environment": {"a-b": "value"}}},
            "PrimaryContainer.Environment.key",
            "satisfy regular expression pattern: ",
        ),
    ],
)
def test_any_value_of_a_request_can_be_a_violation(
    operation: str, request_body: dict[str, Any], path: str, constraint: str
) -> None:
    (violation,) = violations(operation, request_body)
    assert f" at '{path}' failed" in violation
    assert f"Member must {constraint}" in violation


def test_pattern_that_python_cannot_read_is_left_out() -> None:
    assert violations("CreateModel", {"Tags": [{"Key": "product", "Value": "buyer stage"}]}) == []
