"""A transform that can no longer complete fails the execution with SageMaker's reason."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError
from botocore.stub import Stubber

from buyer_stage.domain.errors import JobFailedError
from lambdas.check_batch_transformation_status import handler as function
from lambdas.common.errors import TransientAwsError


def call(event: dict[str, Any], context: Any, status: str, **more: str) -> dict[str, Any]:
    """Call the handler while SageMaker describes the event's job in this way; moto's jobs complete at once."""
    name = event["transform_job_name"]
    job = {
        "TransformJobName": name,
        "TransformJobArn": f"arn:aws:sagemaker:us-west-2:123456789012:transform-job/{name}",
        "TransformJobStatus": status,
        "ModelName": "model",
        "TransformInput": {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/"}}},
        "TransformResources": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1},
        "CreationTime": datetime(2020, 2, 1, tzinfo=UTC),
        **more,
    }
    with Stubber(function.sagemaker) as stub:
        stub.add_response("describe_transform_job", job, {"TransformJobName": name})
        return function.handler(event, context)


@pytest.mark.parametrize(("status", "in_progress"), [("InProgress", 1), ("Completed", 0)])
def test_running_or_complete_job_is_a_status(
    event: dict[str, Any],
    context: Any,
    emitted_metrics: Callable[[], dict[str, float]],
    status: str,
    in_progress: int,
) -> None:
    assert call(event, context, status) == {"status": status}
    assert emitted_metrics() == {"TransformJobsInProgress": in_progress}


def test_failed_job_is_an_error_with_the_reason(
    event: dict[str, Any], context: Any, emitted_metrics: Callable[[], dict[str, float]]
) -> None:
    with pytest.raises(JobFailedError, match=f"{event['transform_job_name']} is Failed: AlgorithmError: columns; read"):
        call(event, context, "Failed", FailureReason="AlgorithmError: columns")
    assert emitted_metrics() == {}


def test_stopped_job_is_an_error(event: dict[str, Any], context: Any) -> None:
    with pytest.raises(JobFailedError, match="is Stopped: SageMaker gives no reason"):
        call(event, context, "Stopped")


@pytest.mark.parametrize("http_status", [500, 503])
def test_failing_aws_is_transient(event: dict[str, Any], context: Any, http_status: int) -> None:
    with Stubber(function.sagemaker) as stub:
        stub.add_client_error("describe_transform_job", "InternalFailure", http_status_code=http_status)
        with pytest.raises(TransientAwsError):
            function.handler(event, context)


def test_timeout_is_transient(event: dict[str, Any], context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def time_out(**arguments: str) -> None:
        raise ReadTimeoutError(endpoint_url="https://sagemaker")

    monkeypatch.setattr(function.sagemaker, "describe_transform_job", time_out)
    with pytest.raises(TransientAwsError, match="timeout"):
        function.handler(event, context)
