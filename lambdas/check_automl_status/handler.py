"""Tells whether Autopilot still trains, so that the state machine waits, goes on or fails."""

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas.common.errors import named_errors
from lambdas.common.events import ExecutionEvent
from lambdas.common.sagemaker_status import waitable_status


class Event(ExecutionEvent):
    """Input of the state `CheckAutoMLStatus`."""

    automl_job_name: str


logger, tracer, metrics = Logger(), Tracer(), Metrics()
sagemaker = boto3.client("sagemaker")


@logger.inject_lambda_context(correlation_id_path="execution_name")
@tracer.capture_lambda_handler
@metrics.log_metrics
@named_errors()
@event_parser(model=Event)
def handler(event: Event, context: LambdaContext) -> dict[str, object]:
    """Ask SageMaker once; the waiting is the state machine's.

    Returns:
        `status`: `InProgress` or `Completed`.

    Raises:
        JobFailedError: the job failed or was stopped.
    """
    job = sagemaker.describe_auto_ml_job_v2(AutoMLJobName=event.automl_job_name)
    status = waitable_status(event.automl_job_name, job["AutoMLJobStatus"], job.get("FailureReason"))
    logger.info("Autopilot job", status=status, step=job["AutoMLJobSecondaryStatus"])
    metrics.add_metric("AutoMLJobsInProgress", MetricUnit.Count, 1 if status == "InProgress" else 0)
    return {"status": status}
