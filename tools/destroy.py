"""Destroy an environment, after what would make Terraform fail halfway is out of the way.

python -m tools.destroy --environment dev [--plan build/plans/dev.tfplan]

Outside prod, the command offers to remove these obstacles: it asks first, except in the local cloud and with a saved
plan, whose approver was asked. In prod, it lists them and stops, and no workflow can run it.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import boto3
from rich.console import Console

from buyer_stage.domain.job_names import job_prefix
from lambdas.common.glue_runs import UNFINISHED_STATES
from tools.environment import LOCAL, require
from tools.models import delete, list_models
from tools.terraform import ENVIRONMENTS, TerraformError, Workspace, in_workflow, require_shown_plan, workspace

POLL_SECONDS = 10.0
LOOKS = 120
"""Looks at what still stops, 20 minutes in total. A stopped Autopilot job or cluster can take ten."""


class ObstacleError(Exception):
    """Something must go before Terraform can destroy the environment."""


@dataclass(frozen=True)
class Obstacle:
    """Something that must go before Terraform can destroy the environment.

    Attributes:
        what: what it is, and how it is in the way.
        by_hand: how a person removes it.
        remove: removes it, or starts to.
        in_state: whether removing it changes the state of Terraform, which makes a saved plan stale.
    """

    what: str
    by_hand: str
    remove: Callable[[], object]
    in_state: bool = False


def find_obstacles(terraform: Workspace) -> list[Obstacle]:
    """Return what is in the way, in the order in which it must go: first what starts the others."""
    deployed = terraform.resources()
    environment = terraform.environment
    return [
        *_executions([machine["arn"] for machine in deployed.get("aws_sfn_state_machine", [])]),
        *_clusters(environment),
        *_sagemaker_jobs(environment),
        *_glue_runs([job["name"] for job in deployed.get("aws_glue_job", [])]),
        *(_models(environment) if "aws_sagemaker_model_package_group" in deployed else []),
        *_protection(terraform, deployed),
    ]


def _executions(state_machine_arns: list[str]) -> Iterator[Obstacle]:
    client = boto3.client("stepfunctions")
    for machine in state_machine_arns:
        pages = client.get_paginator("list_executions").paginate(stateMachineArn=machine, statusFilter="RUNNING")
        for arn in (execution["executionArn"] for page in pages for execution in page["executions"]):
            yield Obstacle(
                f"execution {arn} is running",
                f"aws stepfunctions stop-execution --execution-arn {arn}",
                partial(client.stop_execution, executionArn=arn, cause="make destroy"),
            )


def _clusters(environment: str) -> Iterator[Obstacle]:
    client = boto3.client("emr")
    pages = client.get_paginator("list_clusters").paginate(
        ClusterStates=["STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING", "TERMINATING"]
    )
    for cluster in (cluster for page in pages for cluster in page["Clusters"]):
        if cluster["Name"].startswith(f"buyer-stage-etl-{environment}-"):
            yield Obstacle(
                f"EMR cluster {cluster['Id']} is running",
                f"aws emr terminate-clusters --cluster-ids {cluster['Id']}",
                partial(client.terminate_job_flows, JobFlowIds=[cluster["Id"]]),
            )


def _sagemaker_jobs(environment: str) -> Iterator[Obstacle]:
    client = boto3.client("sagemaker")
    prefix = job_prefix(environment)
    for status in ("InProgress", "Stopping"):
        # SageMaker refuses to stop a job twice.
        trainings = client.get_paginator("list_auto_ml_jobs").paginate(NameContains=prefix, StatusEquals=status)
        for name in (job["AutoMLJobName"] for page in trainings for job in page["AutoMLJobSummaries"]):
            yield Obstacle(
                f"Autopilot job {name} is running",
                f"aws sagemaker stop-auto-ml-job --auto-ml-job-name {name}",
                partial(client.stop_auto_ml_job, AutoMLJobName=name) if status == "InProgress" else _wait,
            )
        transforms = client.get_paginator("list_transform_jobs").paginate(NameContains=prefix, StatusEquals=status)
        for name in (job["TransformJobName"] for page in transforms for job in page["TransformJobSummaries"]):
            yield Obstacle(
                f"transform {name} is running",
                f"aws sagemaker stop-transform-job --transform-job-name {name}",
                partial(client.stop_transform_job, TransformJobName=name) if status == "InProgress" else _wait,
            )


def _wait() -> None:
    """Do nothing: the job is already stopping."""


def _glue_runs(job_names: list[str]) -> Iterator[Obstacle]:
    client = boto3.client("glue")
    for name in job_names:
        for page in client.get_paginator("get_job_runs").paginate(JobName=name):
            for run in page["JobRuns"]:
                if run["JobRunState"] in UNFINISHED_STATES:
                    yield Obstacle(
                        f"run {run['Id']} of the Glue job {name} is running",
                        f"aws glue batch-stop-job-run --job-name {name} --job-run-ids {run['Id']}",
                        partial(client.batch_stop_job_run, JobName=name, JobRunIds=[run["Id"]]),
                    )


def _models(environment: str) -> Iterator[Obstacle]:
    client, s3 = boto3.client("sagemaker"), boto3.resource("s3")
    for model in list_models(client, environment):
        yield Obstacle(
            f"model {model.version} is in the registry, which cannot be deleted while it holds models",
            f"make delete-model ENV={environment} MODEL={model.version}",
            partial(delete, client, s3, model),
        )


def _protection(terraform: Workspace, deployed: dict[str, list[dict[str, Any]]]) -> Iterator[Obstacle]:
    protected = []
    for table in deployed.get("aws_dynamodb_table", []):
        described = boto3.client("dynamodb").describe_table(TableName=table["name"])["Table"]
        if described.get("DeletionProtectionEnabled"):
            protected.append(f"table {table['name']} rejects deletion")
    for bucket in deployed.get("aws_s3_bucket", []):
        if not bucket["force_destroy"] and _holds_objects(bucket["bucket"]):
            protected.append(f"bucket {bucket['bucket']} holds objects")
    if protected:
        yield Obstacle(
            f"deletion protection is on: {' and '.join(protected)}",
            f"set deletion_protection = false in terraform/environments/{terraform.environment}.tfvars, and run "
            f"make apply ENV={terraform.environment}",
            terraform.end_protection,
            in_state=True,
        )


def _holds_objects(bucket: str) -> bool:
    listed = boto3.client("s3").list_object_versions(Bucket=bucket, MaxKeys=1)
    return bool(listed.get("Versions") or listed.get("DeleteMarkers"))


def remove_obstacles(
    find: Callable[[], list[Obstacle]], console: Console, sleep: Callable[[], None], looks: int = LOOKS
) -> None:
    """Remove what is in the way, also what appears meanwhile, and wait until it is gone.

    A cluster or job that still stops needs the roles that Terraform would delete.

    Args:
        find: finds what is in the way.
        console: where to show what is removed.
        sleep: pauses between two looks.
        looks: how often to look.

    Raises:
        ObstacleError: something is still in the way; the message lists it.
    """
    removed: set[str] = set()
    for look in range(looks):
        obstacles = find()
        for obstacle in obstacles:
            if obstacle.what not in removed:
                console.print(f"removing: {obstacle.what}", highlight=False, soft_wrap=True)
                obstacle.remove()
                removed.add(obstacle.what)
        if not obstacles:
            return
        if look < looks - 1:
            sleep()
    raise ObstacleError("\n".join(["This is still in the way. Run `make destroy` again later:", *_listed(obstacles)]))


def clear_the_way(
    environment: str, find: Callable[[], list[Obstacle]], console: Console, sleep: Callable[[], None], *, planned: bool
) -> None:
    """Remove what is in the way, if the environment and the person who runs this allow it.

    Args:
        environment: name of the environment.
        find: finds what is in the way.
        console: where to ask, and to show what is removed.
        sleep: pauses between two looks.
        planned: whether a saved plan, whose approver agreed to all of this, destroys the environment.

    Raises:
        ObstacleError: something is in the way and must not be removed here; the message lists it.
    """
    obstacles = find()
    if not obstacles:
        return
    if environment == "prod":
        raise ObstacleError("\n".join(["In prod, a person removes this first:", *_listed(obstacles)]))
    if planned and (stale := [obstacle for obstacle in obstacles if obstacle.in_state]):
        raise ObstacleError("\n".join(["Remove this first, then plan the destruction again:", *_listed(stale)]))
    if not planned and environment != LOCAL:
        console.print("\n".join(["This must go first:", *_listed(obstacles)]), highlight=False, soft_wrap=True)
        if console.input(f"Remove it from {environment}? There is no way back. Only 'yes' is accepted: ") != "yes":
            raise ObstacleError("Nothing was changed.")
    remove_obstacles(find, console, sleep)


def _listed(obstacles: list[Obstacle]) -> list[str]:
    return [f"- {obstacle.what}\n    {obstacle.by_hand}" for obstacle in obstacles]


def main() -> None:
    """Destroy one environment; exit with 1 when something is in the way or Terraform fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--environment", required=True, choices=ENVIRONMENTS)
    parser.add_argument("--plan", type=Path, help="file of the saved plan of `make plan DESTROY=1`")
    parsed = parser.parse_args()
    environment, plan = parsed.environment, parsed.plan.resolve() if parsed.plan else None
    require(environment)
    require_shown_plan(environment, plan)
    if environment == "prod" and in_workflow(environment):
        sys.exit("No workflow destroys prod. A person does: see the section Tear down of docs/deployment.md.")
    terraform = workspace(environment)
    try:
        terraform.init()
        find, sleep = partial(find_obstacles, terraform), partial(time.sleep, POLL_SECONDS)
        clear_the_way(environment, find, Console(), sleep, planned=plan is not None)
        if plan is None:
            terraform.destroy(approved=environment == LOCAL)
        else:
            terraform.apply(plan, approved=True)
    except (ObstacleError, TerraformError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
