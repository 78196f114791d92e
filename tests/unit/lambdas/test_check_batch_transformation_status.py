"""A transform job that cannot complete any more fails the execution, with SageMaker's reason."""

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError
from botocore.stub import Stubber

from buyer_stage.domain.errors import JobFailedError
from lambdas.check_batch_transformation_status import handler as function
from lambdas.common.errors import TransientAwsError


def job(name: str, status: str, **more: str) -> dict[str, Any]:
    """What SageMaker describes; moto's jobs are complete at once."""
    return {
        "TransformJobName": name,
        "TransformJobArn": f"arn:aws:sagemaker:us-west-2:123456789012:transform-job/{name}",
        "TransformJobStatus": status,
        "ModelName": "model",
        "TransformInput": {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/"}}},
        "TransformResources": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1},
        "CreationTime": datetime(2020, 2, 1, tzinfo=UTC),
        **more,
    }


@pytest.mark.parametrize("status", ["InProgress", "Completed"])
def test_running_or_complete_job_is_an_answer(event: dict[str, Any], context: Any, status: str) -> None:
    with Stubber(function.sagemaker) as stub:
        name = event["transform_job_name"]
        stub.add_response("describe_transform_job", job(name, status), {"TransformJobName": name})
        assert function.handler(event, context) == {"status": status}


def test_failed_job_is_an_error_with_the_reason(event: dict[str, Any], context: Any) -> None:
    with Stubber(function.sagemaker) as stub:
        name = event["transform_job_name"]
        stub.add_response("describe_transform_job", job(name, "Failed", FailureReason="AlgorithmError: columns"))
        with pytest.raises(JobFailedError, match=f"{name} is Failed: AlgorithmError: columns"):
            function.handler(event, context)


def test_stopped_job_is_an_error(event: dict[str, Any], context: Any) -> None:
    with Stubber(function.sagemaker) as stub:
        stub.add_response("describe_transform_job", job(event["transform_job_name"], "Stopped"))
        with pytest.raises(JobFailedError, match="is Stopped: SageMaker gives no reason"):
            function.handler(event, context)


@pytest.mark.parametrize("http_status", [500, 503])
def test_failing_aws_is_named_as_transient(event: dict[str, Any], context: Any, http_status: int) -> None:
    with Stubber(function.sagemaker) as stub:
        stub.add_client_error("describe_transform_job", "InternalFailure", http_status_code=http_status)
        with pytest.raises(TransientAwsError):
            function.handler(event, context)


def test_timeout_is_named_as_transient(event: dict[str, Any], context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def time_out(**arguments: str) -> None:
        raise ReadTimeoutError(endpoint_url="https://sagemaker")

    monkeypatch.setattr(function.sagemaker, "describe_transform_job", time_out)
    with pytest.raises(TransientAwsError, match="timeout"):
        function.handler(event, context)
