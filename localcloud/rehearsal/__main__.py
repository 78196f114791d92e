"""Rehearse the deployment of `dev` from its workflows, on a new local cloud.

python -m localcloud.rehearsal --out build/rehearsal

The present commit gets a pull request, a deployment, nightly checks for drift, and every action of the workflow
`pipeline`. The commands come from `.github/workflows/`, each job runs in a fresh clone, and the exit code is 1 at the
first failure. The output folder keeps a log of each step.
"""

import argparse
import contextlib
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import boto3

from localcloud import cloud as local_cloud
from localcloud.deployment import bootstrap, create_bucket, upload_data_lake
from localcloud.rehearsal.errors import RehearsalError
from localcloud.rehearsal.runs import Event, Run, Stage
from sample_data.generate import generate
from tools.environment import STAND_IN
from tools.repository import REPOSITORY
from tools.terraform_variables import read_variables

ENVIRONMENT = "dev"
MEMBERS = 1500
"""Enough members that the first model is clearly better than the prior, so that the gate approves it."""
SNAPSHOT_DATE = date(2026, 5, 20)
LABELED_DATE = date(2026, 4, 20)
SEED = 7
CHANGED_FUNCTION = "lambdas/send_sns_notification/handler.py"

PULL_REQUEST = {
    "pull_request": {
        "number": 5,
        "head": {"repo": {"full_name": "example-org/buyer-stage-pipelines"}},
        "user": {"login": "a-developer"},
    }
}


def prepare_folder(folder: Path) -> None:
    """Create an empty folder with a clone of the present commit; say so when there are uncommitted changes."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    changed = _git(REPOSITORY, "status", "--porcelain").splitlines()
    if changed:
        print(f"{len(changed)} uncommitted changes are not rehearsed: only the present commit is")
    _git(folder, "clone", "--quiet", "--depth", "1", f"file://{REPOSITORY}", "repository")


@contextlib.contextmanager
def local_stage(folder: Path) -> Iterator[Stage]:
    """Rehearse on a new local cloud that has the buckets of `terraform/bootstrap`, while the block lasts."""
    with local_cloud.running(folder / "cloud") as cloud:
        bootstrap(ENVIRONMENT, folder)
        variables = {**cloud.environment, STAND_IN: cloud.environment["AWS_ENDPOINT_URL"]}
        yield Stage(folder / "repository", folder / "jobs", ENVIRONMENT, variables)


def open_pull_request(stage: Stage) -> None:
    """Rehearse what a pull request starts: the packages, a plan, and a comment that shows the plan.

    Raises:
        RehearsalError: a workflow fails or does not do this.
    """
    run = stage.run("deploy.yml", Event("pull_request", "refs/pull/5/merge", PULL_REQUEST))
    comments = [call["body"] for call in run.gh_calls() if "--method POST" in call["words"]]
    if len(comments) != 1 or f"<b>{ENVIRONMENT}</b>: Plan: " not in comments[0]:
        raise RehearsalError(f"deploy.yml: expected one comment with the plan of {ENVIRONMENT}, not {comments}")


def rehearse(stage: Stage, folder: Path) -> None:
    """Rehearse everything, from the pull request to the end of the environment.

    Raises:
        RehearsalError: a workflow fails, or does not do what it is for.
    """
    open_pull_request(stage)
    merge(stage)
    check_drift(stage, drifted=False)

    upload_generated_data_lake(folder)
    snapshot = {"snapshot_date": f"{SNAPSHOT_DATE:%Y%m%d}"}
    operate(stage, "start-etl", **snapshot, build_training_data=True)
    operate(stage, "start-ml", **snapshot)
    if count_items() == 0:
        raise RehearsalError(f"pipeline.yml: start-ml wrote no stage to the table of {ENVIRONMENT}")
    operate(stage, "approve-model")

    change_function(stage)
    operate(stage, "plan")
    operate(stage, "apply")
    operate(stage, "rollback")
    check_drift(stage, drifted=True)
    operate(stage, "apply")
    stage.open_issue = "7"
    check_drift(stage, drifted=False)

    operate(stage, "delete-model")
    operate(stage, "destroy", confirmation=ENVIRONMENT)


def merge(stage: Stage) -> None:
    """Rehearse the deployment, which must apply the plan that the approver has seen.

    Raises:
        RehearsalError: the workflow fails, or makes a second plan.
    """
    run = stage.run("deploy.yml", Event("push"))
    for (job, step), log in run.logs.items():
        if job.endswith("apply") and "Terraform will perform the following actions" in log.read_text(errors="replace"):
            raise RehearsalError(f"deploy.yml: {job}, step `{step}`: applies a plan of its own, not the saved plan")


def check_drift(stage: Stage, *, drifted: bool) -> None:
    """Rehearse the nightly check, which opens an issue when the environment differs from `main`, and else closes it.

    Raises:
        RehearsalError: the workflow fails, or does not find what it should.
    """
    run = stage.run("drift.yml", Event("schedule"))
    called = [" ".join(call["words"].split()[:2]) for call in run.gh_calls()]
    change = ["issue create"] if drifted else ["issue close"] if stage.open_issue else []
    if called != ["issue list", *change]:
        log = next(log for (_, step), log in run.logs.items() if step == "Plan")
        raise RehearsalError(
            f"drift.yml: expected {change or 'no change'} of issues, found {called}; see the plan in {log}"
        )


def operate(stage: Stage, action: str, **inputs: str | bool) -> Run:
    """Rehearse an action of the workflow `pipeline`.

    Raises:
        RehearsalError: the workflow fails.
    """
    entered = {"environment": stage.environment, "action": action, **inputs}
    return stage.run("pipeline.yml", Event("workflow_dispatch", inputs=entered))


def change_function(stage: Stage) -> None:
    """Commit a change of one function, so that both state machines get a second version."""
    with (stage.source / CHANGED_FUNCTION).open("a") as handler:
        handler.write("# Changed by the rehearsal.\n")
    author = ("-c", "user.name=Rehearsal", "-c", "user.email=rehearsal@example.com")
    _git(stage.source, *author, "commit", "--quiet", "--all", "--message", "Change a function")


def upload_generated_data_lake(folder: Path) -> None:
    """Create the data lake that the environment's variables name, and fill it with generated members."""
    bucket = read_variables(ENVIRONMENT)["datalake"]["bucket"]
    generate(folder / "lake", MEMBERS, SNAPSHOT_DATE, LABELED_DATE, SEED)
    create_bucket(bucket)
    upload_data_lake(folder / "lake", bucket)


def count_items() -> int:
    """Return the number of items in the serving table."""
    pages = (
        boto3.client("dynamodb")
        .get_paginator("scan")
        .paginate(TableName=f"buyer-stage-ml-pipeline-results-{ENVIRONMENT}", Select="COUNT")
    )
    return sum(page["Count"] for page in pages)


def _git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True, text=True).stdout


def main() -> None:
    """Rehearse everything; exit with 1 at the first failure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for logs; its content is replaced")
    folder = parser.parse_args().out.resolve()
    started = time.monotonic()
    prepare_folder(folder)
    try:
        with local_stage(folder) as stage:
            rehearse(stage, folder)
    except (RehearsalError, local_cloud.LocalCloudError) as error:
        sys.exit(f"The rehearsal failed after {time.monotonic() - started:.0f} s\n{error}")
    print(f"The rehearsal succeeded: {stage.jobs_started} jobs in {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
