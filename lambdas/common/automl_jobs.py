"""What an Autopilot job has achieved, by one rule for every function that asks."""

from typing import TYPE_CHECKING

from lambdas.common.sagemaker_jobs import UNFINISHED_STATUSES

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import AutoMLCandidateTypeDef, DescribeAutoMLJobV2ResponseTypeDef

LIMIT_REACHED = frozenset({"MaxAutoMLJobRuntimeReached", "MaxCandidatesReached"})
"""Secondary statuses of a job that stopped because its search reached a limit, see `AutoMLJobSecondaryStatus` in
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeAutoMLJobV2.html."""

AFTER_THE_SEARCH = frozenset({"ExplainabilityError", "ModelDeploymentError", "ModelInsightsError"})
"""Secondary statuses of a job that failed after its search, in a step whose result the pipeline does not use."""


def status_of(job: "DescribeAutoMLJobV2ResponseTypeDef") -> str:
    """Return `InProgress` while a job runs, `Completed` when it has a best candidate, or the status of its failure.

    A job that reaches its time limit can end as `Stopped`, and one whose report on the best candidate fails ends as
    `Failed`. Both have their best candidate nevertheless.
    """
    status, step = job["AutoMLJobStatus"], job["AutoMLJobSecondaryStatus"]
    if status in UNFINISHED_STATUSES:
        return "InProgress"
    if status == "Completed" or step in AFTER_THE_SEARCH or (status == "Stopped" and step in LIMIT_REACHED):
        return "Completed" if "BestCandidate" in job else f"{status} ({step}) without a candidate"
    return f"{status} ({step})"


def best_candidate(job: "DescribeAutoMLJobV2ResponseTypeDef") -> "AutoMLCandidateTypeDef | None":
    """Return the best candidate of a completed job; None if the job is running or has failed."""
    return job["BestCandidate"] if status_of(job) == "Completed" else None
