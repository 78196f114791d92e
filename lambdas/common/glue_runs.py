"""Finds the runs of the Glue job by their names."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient
    from mypy_boto3_glue.type_defs import JobRunTypeDef

RUN_NAME_ARGUMENT = "--run_name"
"""Argument that carries the name of a run, because Glue names runs itself."""

UNFINISHED_STATES = frozenset({"WAITING", "STARTING", "RUNNING", "STOPPING"})
"""States of a run that ends by itself."""

RETRY_DELAY = timedelta(minutes=15)
"""Longest pause before Glue retries a failed run."""


def latest_runs(glue: "GlueClient", job_name: str) -> "dict[str, JobRunTypeDef]":
    """Return the run with each name that was started last, in the order of their starts.

    When a run fails, Glue retries it as another run with the same arguments; the last one decides. A run that a person
    started without a name goes by its id.
    """
    pages = glue.get_paginator("get_job_runs").paginate(JobName=job_name)
    runs = [run for page in pages for run in page["JobRuns"]]
    latest: dict[str, JobRunTypeDef] = {}
    for run in sorted(runs, key=lambda run: (run["StartedOn"], run.get("Attempt", 0))):
        name = run.get("Arguments", {}).get(RUN_NAME_ARGUMENT, run["Id"])
        latest.pop(name, None)  # A name moves to the place of its last run.
        latest[name] = run
    return latest


def is_in_progress(run: "JobRunTypeDef", max_retries: int, now: datetime) -> bool:
    """Check whether a run has not ended, or has failed and Glue is about to retry it.

    Glue does not retry a run that reaches its time limit, see "Number of retries" in
    https://docs.aws.amazon.com/glue/latest/dg/add-job.html.

    Args:
        run: the latest run with its name.
        max_retries: how often the job lets Glue retry, 0 or more.
        now: the time, with time zone.
    """
    ended = run.get("CompletedOn", run["StartedOn"])
    about_to_retry = (
        run["JobRunState"] == "FAILED" and run.get("Attempt", 0) < max_retries and now - ended < RETRY_DELAY
    )
    return run["JobRunState"] in UNFINISHED_STATES or about_to_retry
