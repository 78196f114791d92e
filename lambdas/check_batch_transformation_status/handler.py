"""Checks whether transforms still score, so that the state machine waits, goes on or starts the next attempt."""

import boto3
from aws_lambda_powertools.metrics import MetricUnit
from pydantic import Field

from buyer_stage.domain.errors import JobFailedError, JobStoppedError
from lambdas.common.events import ExecutionEvent
from lambdas.common.sagemaker_jobs import UNFINISHED_STATUSES, JobStatus
from lambdas.common.wiring import lambda_handler, logger, metrics


class Event(ExecutionEvent):
    """Input of the states that wait for transforms."""

    transform_job_names: list[str] = Field(min_length=1)


sagemaker = boto3.client("sagemaker")


@lambda_handler
def handler(event: Event) -> JobStatus:
    """Ask SageMaker once about each job; the state machine does the waiting.

    Raises:
        JobFailedError: a job failed.
        JobStoppedError: a person stopped a job.
    """
    in_progress = 0
    for name in event.transform_job_names:
        job = sagemaker.describe_transform_job(TransformJobName=name)
        status = job["TransformJobStatus"]
        logger.info("transform", transform_job_name=name, status=status)
        if status in UNFINISHED_STATUSES:
            in_progress += 1
        elif status != "Completed":
            reason = job.get("FailureReason") or "SageMaker gives no reason"
            error = JobStoppedError if status == "Stopped" else JobFailedError
            raise error(
                f"{name} is {status}: {reason}; read the job's log, correct the cause and start the execution again: "
                "it starts the next attempt"
            )
    metrics.add_metric("TransformJobsInProgress", MetricUnit.Count, in_progress)
    return JobStatus("InProgress" if in_progress else "Completed")
