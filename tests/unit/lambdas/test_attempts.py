"""All attempts at a work are found by name, whatever SageMaker calls a job that does not exist."""

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from lambdas.common.attempts import find_attempts


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ValidationException", "Could not find requested job with name: work-3"),
        ("ResourceNotFound", "Amazon SageMaker can't find an AutoML job called work-3"),
    ],
)
def test_attempts_end_at_the_first_name_that_does_not_exist(code: str, message: str) -> None:
    jobs = {"work-1": "Failed", "work-2": "Completed"}

    def describe(name: str) -> str:
        if name not in jobs:
            raise ClientError({"Error": {"Code": code, "Message": message}}, "Describe")
        return jobs[name]

    assert find_attempts(lambda attempt: f"work-{attempt}", describe) == ["Failed", "Completed"]


def test_another_error_is_not_a_missing_job() -> None:
    sagemaker = boto3.client("sagemaker")
    with Stubber(sagemaker) as stub:
        stub.add_client_error("describe_transform_job", "ValidationException", "1 validation error detected")
        with pytest.raises(ClientError, match="1 validation error"):
            find_attempts(str, lambda name: sagemaker.describe_transform_job(TransformJobName=name))
