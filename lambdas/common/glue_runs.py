"""Finds the Glue run of an execution."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient
    from mypy_boto3_glue.type_defs import JobRunTypeDef

RUN_NAME_ARGUMENT = "--run_name"
"""Argument that carries an execution's own name for its run: Glue lets nobody name a run."""

WAITABLE_STATES = frozenset({"WAITING", "STARTING", "RUNNING"})
"""States of a run that has yet to end by itself."""


def latest_run(glue: "GlueClient", job_name: str, run_name: str) -> "JobRunTypeDef | None":
    """Give the run that was started last of those that go by a name; `None` when there is none.

    Glue retries a failed run as another run with the same arguments, so this is the one that counts.
    """
    pages = glue.get_paginator("get_job_runs").paginate(JobName=job_name)
    runs = [
        run for page in pages for run in page["JobRuns"] if run.get("Arguments", {}).get(RUN_NAME_ARGUMENT) == run_name
    ]
    return max(runs, key=lambda run: run["StartedOn"], default=None)


def is_at_work(run: "JobRunTypeDef", max_retries: int) -> bool:
    """Tell whether a run has yet to end, or has failed and Glue is about to try again.

    Args:
        run: the latest run of its name.
        max_retries: how often the job lets Glue retry.
    """
    about_to_retry = run["JobRunState"] == "FAILED" and run.get("Attempt", 0) < max_retries
    return run["JobRunState"] in WAITABLE_STATES or about_to_retry
