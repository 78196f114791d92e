"""What the state machine may do about a SageMaker job: wait, go on or fail."""

from buyer_stage.domain.errors import JobFailedError


def waitable_status(job_name: str, status: str, failure_reason: str | None) -> str:
    """Give the status of a job that still runs or has done its work.

    Args:
        job_name: an Autopilot or transform job.
        status: as SageMaker describes it.
        failure_reason: as SageMaker describes it; absent unless the job failed.

    Returns:
        `InProgress` or `Completed`.

    Raises:
        JobFailedError: any other status. Waiting for it would not end.
    """
    if status in ("InProgress", "Completed"):
        return status
    raise JobFailedError(f"{job_name} is {status}: {failure_reason or 'SageMaker gives no reason'}")
