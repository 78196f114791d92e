"""The operations that list and stop jobs, for each kind of job."""

from collections.abc import Callable

from localcloud.sagemaker.model_registry import page
from localcloud.sagemaker.resources import Document, RequestError, find, require_known

LIST_PARAMETERS = frozenset({"NameContains", "StatusEquals", "MaxResults", "NextToken"})


def operations(kind: str, jobs: dict[str, Document]) -> dict[str, Callable[[Document], Document]]:
    """Return the operations `List...Jobs` and `Stop...Job` of a kind of job.

    Args:
        kind: `AutoMLJob` or `TransformJob`, as the names of operations, parameters and statuses begin.
        jobs: the jobs by name.
    """
    name, status = f"{kind}Name", f"{kind}Status"

    def list_jobs(request: Document) -> Document:
        require_known(request, LIST_PARAMETERS)
        found = [
            {key: value for key, value in job.items() if key in (name, status, f"{kind}Arn", "CreationTime")}
            for job in jobs.values()
            if request.get("NameContains", "") in job[name] and request.get("StatusEquals", job[status]) == job[status]
        ]
        return page(f"{kind}Summaries", found, request)

    def stop_job(request: Document) -> Document:
        """Mark the job as stopping. Its process runs to its end, and then the job is stopped."""
        job = find(jobs, kind, request[name])
        if job[status] != "InProgress":
            raise RequestError("ValidationException", f"{kind} {request[name]} is {job[status]}, not InProgress.")
        job[status] = "Stopping"
        return {}

    return {f"List{kind}s": list_jobs, f"Stop{kind}": stop_job}
