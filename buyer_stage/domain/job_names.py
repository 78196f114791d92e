"""Names of the jobs of an execution: derived from the execution, so that a retry finds the job it started."""

import hashlib


def job_name(purpose: str, execution_name: str) -> str:
    """Give the name of an execution's job.

    Args:
        purpose: what the job is, up to 19 letters, digits and dashes, such as `buyer-stage-automl`.
        execution_name: name of the Step Functions execution, up to 80 characters.

    Returns:
        `{purpose}-{12 hex digits}`: at most 32 characters, the limit of an Autopilot job's name.
    """
    return f"{purpose}-{hashlib.sha256(execution_name.encode()).hexdigest()[:12]}"
