"""Finds the Glue run of an execution."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient
    from mypy_boto3_glue.type_defs import JobRunTypeDef

RUN_NAME_ARGUMENT = "--run_name"
"""Argument that carries the name of a run, because Glue names runs itself."""

UNFINISHED_STATES = frozenset({"WAITING", "STARTING", "RUNNING"})
"""States of a run that ends by itself."""


def latest_run(glue: "GlueClient", job_name: str, run_name: str) -> "JobRunTypeDef | None":
    """Return the run with a name that was started last, or None if there is none.

    When a run fails, Glue retries it as another run with the same arguments; the last one decides.
    """
    pages = glue.get_paginator("get_job_runs").paginate(JobName=job_name)
    runs = [
        run for page in pages for run in page["JobRuns"] if run.get("Arguments", {}).get(RUN_NAME_ARGUMENT) == run_name
    ]
    return max(runs, key=lambda run: run["StartedOn"], default=None)


def is_in_progress(run: "JobRunTypeDef", max_retries: int) -> bool:
    """Check whether a run has not ended, or has failed and Glue is about to retry it.

    Args:
        run: the latest run with its name.
        max_retries: how often the job lets Glue retry, 0 or more.
    """
    about_to_retry = run["JobRunState"] == "FAILED" and run.get("Attempt", 0) < max_retries
    return run["JobRunState"] in UNFINISHED_STATES or about_to_retry
