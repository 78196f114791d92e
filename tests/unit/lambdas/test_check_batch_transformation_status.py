"""A transform that can no longer complete is an error with SageMaker's reason and the next step."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError
from botocore.stub import Stubber

from buyer_stage.domain.errors import InvalidInputError, JobFailedError, JobStoppedError
from lambdas.check_batch_transformation_status import handler as function
from lambdas.common.errors import TransientAwsError

Metrics = Callable[[], dict[str, float]]


def call(context: Any, *statuses: str, **more: str) -> dict[str, Any]:
    """Call the handler for jobs that SageMaker describes in this way; moto's jobs complete at once."""
    with Stubber(function.sagemaker) as stub:
        names = [f"job-{number}" for number in range(len(statuses))]
        for name, status in zip(names, statuses, strict=True):
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
            stub.add_response("describe_transform_job", job, {"TransformJobName": name})
        return function.handler({"execution_name": "daily", "transform_job_names": names}, context)


@pytest.mark.parametrize(
    ("statuses", "status", "in_progress"),
    [
        (["InProgress"], "InProgress", 1),
        (["Stopping"], "InProgress", 1),
        (["Completed"], "Completed", 0),
        (["Completed", "InProgress"], "InProgress", 1),
        (["InProgress", "Completed"], "InProgress", 1),
        (["InProgress", "InProgress"], "InProgress", 2),
        (["Completed", "Completed"], "Completed", 0),
    ],
)
def test_jobs_are_in_progress_while_any_of_them_runs(
    context: Any, emitted_metrics: Metrics, statuses: list[str], status: str, in_progress: int
) -> None:
    assert call(context, *statuses) == {"status": status}
    assert emitted_metrics() == {"TransformJobsInProgress": in_progress}


@pytest.mark.parametrize("statuses", [["Failed"], ["InProgress", "Failed"]])
def test_failed_job_is_an_error_with_the_reason_and_the_next_step(
    context: Any, emitted_metrics: Metrics, statuses: list[str]
) -> None:
    message = rf"job-{len(statuses) - 1} is Failed: AlgorithmError: columns; read .* starts the next attempt"
    with pytest.raises(JobFailedError, match=message):
        call(context, *statuses, FailureReason="AlgorithmError: columns")
    assert emitted_metrics() == {}


def test_stopped_job_is_an_error(context: Any) -> None:
    with pytest.raises(JobStoppedError, match="is Stopped: SageMaker gives no reason"):
        call(context, "Stopped")


def test_no_job_is_an_invalid_input(context: Any) -> None:
    with pytest.raises(InvalidInputError, match="transform_job_names"):
        call(context)


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
