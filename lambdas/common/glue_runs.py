"""Finds the Glue run of an execution."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient

RUN_NAME_ARGUMENT = "--run_name"
"""Argument that carries an execution's own name for its run: Glue lets nobody name a run."""

WAITABLE_STATES = frozenset({"WAITING", "STARTING", "RUNNING"})
"""States of a run that has yet to end by itself."""


def find_run(glue: "GlueClient", job_name: str, run_name: str) -> str | None:
    """Give the id of the run that goes by a name and runs or has succeeded; failed ones do not count."""
    for page in glue.get_paginator("get_job_runs").paginate(JobName=job_name):
        for run in page["JobRuns"]:
            if run.get("Arguments", {}).get(RUN_NAME_ARGUMENT) == run_name and (
                run["JobRunState"] in WAITABLE_STATES | {"SUCCEEDED"}
            ):
                return run["Id"]
    return None
