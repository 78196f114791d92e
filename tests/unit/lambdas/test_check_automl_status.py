"""An Autopilot job that can no longer complete fails the execution with SageMaker's reason."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.stub import Stubber

from buyer_stage.domain.errors import JobFailedError
from lambdas.check_automl_status import handler as function


def call(event: dict[str, Any], context: Any, described: dict[str, Any]) -> dict[str, Any]:
    """Call the handler while SageMaker describes the event's job in this way."""
    with Stubber(function.sagemaker) as stub:
        stub.add_response("describe_auto_ml_job_v2", described, {"AutoMLJobName": event["automl_job_name"]})
        return function.handler(event, context)


@pytest.mark.parametrize(("status", "in_progress"), [("InProgress", 1), ("Completed", 0)])
def test_running_or_complete_job_is_a_status(
    event: dict[str, Any],
    context: Any,
    automl_job: dict[str, Any],
    emitted_metrics: Callable[[], dict[str, float]],
    status: str,
    in_progress: int,
) -> None:
    assert call(event, context, {**automl_job, "AutoMLJobStatus": status}) == {"status": status}
    assert emitted_metrics() == {"AutoMLJobsInProgress": in_progress}


def test_failed_job_is_an_error_with_the_reason(
    event: dict[str, Any], context: Any, automl_job: dict[str, Any], emitted_metrics: Callable[[], dict[str, float]]
) -> None:
    failed = {**automl_job, "AutoMLJobStatus": "Failed", "FailureReason": "target has one class"}
    with pytest.raises(JobFailedError, match=f"{event['automl_job_name']} is Failed: target has one class; read"):
        call(event, context, failed)
    assert emitted_metrics() == {}


@pytest.mark.parametrize("status", ["Stopping", "Stopped", "Hibernating"])
def test_stopped_job_and_unknown_status_are_errors(
    event: dict[str, Any], context: Any, automl_job: dict[str, Any], status: str
) -> None:
    with pytest.raises(JobFailedError, match=f"is {status}: SageMaker gives no reason"):
        call(event, context, {**automl_job, "AutoMLJobStatus": status})


def test_unknown_job_keeps_the_error_name_of_aws(event: dict[str, Any], context: Any) -> None:
    with pytest.raises(function.sagemaker.exceptions.ResourceNotFound):
        function.handler(event, context)
