"""Checks whether Autopilot still trains, so that the state machine waits, goes on or fails."""

import boto3

from lambdas.common.automl_jobs import status_of
from lambdas.common.events import ExecutionEvent
from lambdas.common.sagemaker_jobs import JobStatus, report_status
from lambdas.common.wiring import lambda_handler, logger


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
    logger.info("Autopilot step", step=job["AutoMLJobSecondaryStatus"])
    return report_status(event.automl_job_name, status_of(job), job.get("FailureReason"), metric="AutoMLJobsInProgress")
