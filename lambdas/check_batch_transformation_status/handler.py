"""Checks whether the transform still scores, so that the state machine waits, goes on or fails."""

import boto3

from lambdas.common.events import ExecutionEvent
from lambdas.common.sagemaker_jobs import JobStatus, report_status
from lambdas.common.wiring import lambda_handler


class Event(ExecutionEvent):
    """Input of the state `CheckBatchTransformationStatus`."""

    transform_job_name: str


sagemaker = boto3.client("sagemaker")


@lambda_handler
def handler(event: Event) -> JobStatus:
    """Ask SageMaker once; the state machine does the waiting.

    Raises:
        JobFailedError: the job failed or was stopped.
    """
    job = sagemaker.describe_transform_job(TransformJobName=event.transform_job_name)
    return report_status(
        event.transform_job_name, job["TransformJobStatus"], job.get("FailureReason"), metric="TransformJobsInProgress"
    )
