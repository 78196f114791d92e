"""Reports whether a SageMaker job still runs, so that the state machine waits, goes on or fails."""

from dataclasses import dataclass

from aws_lambda_powertools.metrics import MetricUnit

from buyer_stage.domain.errors import JobFailedError
from lambdas.common.wiring import logger, metrics


@dataclass(frozen=True)
class JobStatus:
    """`InProgress` or `Completed`; any other status is an error."""

    status: str


def report_status(job_name: str, status: str, failure_reason: str | None, *, metric: str) -> JobStatus:
    """Log and count the status of a job that still runs or has completed.

    Args:
        job_name: an Autopilot or transform job.
        status: as SageMaker describes it.
        failure_reason: as SageMaker describes it; None unless the job failed.
        metric: counts 1 while the job runs and 0 when it has completed.

    Raises:
        JobFailedError: the job has any other status, so that waiting for it would never end.
    """
    if status not in ("InProgress", "Completed"):
        raise JobFailedError(
            f"{job_name} is {status}: {failure_reason or 'SageMaker gives no reason'}; "
            "read the job's log, correct the cause and start a new execution"
        )
    logger.info("SageMaker job", job_name=job_name, status=status)
    metrics.add_metric(metric, MetricUnit.Count, 1 if status == "InProgress" else 0)
    return JobStatus(status)
