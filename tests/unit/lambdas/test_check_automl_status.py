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


@pytest.mark.parametrize("status", ["InProgress", "Stopping"])
def test_job_that_will_end_by_itself_is_in_progress(
    event: dict[str, Any],
    context: Any,
    automl_job: dict[str, Any],
    emitted_metrics: Callable[[], dict[str, float]],
    status: str,
) -> None:
    assert call(event, context, {**automl_job, "AutoMLJobStatus": status}) == {"status": "InProgress"}
    assert emitted_metrics() == {"AutoMLJobsInProgress": 1}


@pytest.mark.parametrize(
    ("status", "step"),
    [
        ("Completed", "Completed"),
        ("Stopped", "MaxAutoMLJobRuntimeReached"),
        ("Stopped", "MaxCandidatesReached"),
        ("Failed", "ExplainabilityError"),
    ],
)
def test_job_with_a_best_candidate_is_complete_also_when_a_limit_or_its_report_ended_it(
    event: dict[str, Any],
    context: Any,
    completed_job: dict[str, Any],
    emitted_metrics: Callable[[], dict[str, float]],
    status: str,
    step: str,
) -> None:
    described = {**completed_job, "AutoMLJobStatus": status, "AutoMLJobSecondaryStatus": step}
    assert call(event, context, described) == {"status": "Completed"}
    assert emitted_metrics() == {"AutoMLJobsInProgress": 0}


@pytest.mark.parametrize(("status", "step"), [("Completed", "Completed"), ("Stopped", "MaxAutoMLJobRuntimeReached")])
def test_job_that_ends_without_a_candidate_is_an_error(
    event: dict[str, Any], context: Any, automl_job: dict[str, Any], status: str, step: str
) -> None:
    with pytest.raises(JobFailedError, match=rf"is {status} \({step}\) without a candidate"):
        call(event, context, {**automl_job, "AutoMLJobStatus": status, "AutoMLJobSecondaryStatus": step})


def test_failed_job_is_an_error_with_the_reason(
    event: dict[str, Any], context: Any, automl_job: dict[str, Any], emitted_metrics: Callable[[], dict[str, float]]
) -> None:
    status = {"AutoMLJobStatus": "Failed", "AutoMLJobSecondaryStatus": "Failed"}
    failed = {**automl_job, **status, "FailureReason": "target has one class"}
    with pytest.raises(JobFailedError, match=rf"{event['automl_job_name']} is Failed \(Failed\): target has one class"):
        call(event, context, failed)
    assert emitted_metrics() == {}


@pytest.mark.parametrize("status", ["Stopped", "Hibernating"])
def test_job_that_a_person_stopped_and_unknown_status_are_errors(
    event: dict[str, Any], context: Any, completed_job: dict[str, Any], status: str
) -> None:
    described = {**completed_job, "AutoMLJobStatus": status, "AutoMLJobSecondaryStatus": "Stopped"}
    with pytest.raises(JobFailedError, match=rf"is {status} \(Stopped\): SageMaker gives no reason"):
        call(event, context, described)


def test_unknown_job_keeps_the_error_name_of_aws(event: dict[str, Any], context: Any) -> None:
    with pytest.raises(function.sagemaker.exceptions.ResourceNotFound):
        function.handler(event, context)
