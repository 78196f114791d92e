"""Checks whether Autopilot still trains, so that the state machine waits, goes on or fails."""

import boto3
from aws_lambda_powertools.metrics import MetricUnit

from buyer_stage.domain.errors import JobFailedError
from lambdas.common.automl_jobs import status_of
from lambdas.common.events import ExecutionEvent
from lambdas.common.sagemaker_jobs import JobStatus
from lambdas.common.wiring import lambda_handler, logger, metrics


class Event(ExecutionEvent):
    """Input of the state `CheckAutoMLStatus`."""

    automl_job_name: str


sagemaker = boto3.client("sagemaker")


@lambda_handler
def handler(event: Event) -> JobStatus:
    """Ask SageMaker once; the state machine does the waiting.

    Raises:
        JobFailedError: the job failed, or was stopped before it reached a limit of its search.
    """
    job = sagemaker.describe_auto_ml_job_v2(AutoMLJobName=event.automl_job_name)
    status = status_of(job)
    logger.info(
        "Autopilot job",
        automl_job_name=event.automl_job_name,
        status=status,
        step=job["AutoMLJobSecondaryStatus"],
    )
    if status not in ("InProgress", "Completed"):
        raise JobFailedError(
            f"{event.automl_job_name} is {status}: {job.get('FailureReason') or 'SageMaker gives no reason'}; "
            "read the job's log, correct the cause and start a new execution"
        )
    metrics.add_metric("AutoMLJobsInProgress", MetricUnit.Count, 1 if status == "InProgress" else 0)
    return JobStatus(status)
