"""List the models of an environment, approve one for scoring, or delete one.

python -m tools.models list --environment dev
python -m tools.models approve --environment dev [--model VERSION]
python -m tools.models delete --environment dev [--model VERSION | --all]

Without `--model`, `approve` takes the newest model and `delete` takes the one in use. The approved model before that
one takes over; when there is none, the next execution of the ML pipeline trains a model.

`delete` also deletes the output of the Autopilot job, because the next execution would otherwise find the finished job
and register its model again.
"""

import argparse
import contextlib
import sys
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import ClientError
from rich.console import Console

from lambdas.common.errors import is_client_error
from tools.environment import require
from tools.terraform import ENVIRONMENTS

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3ServiceResource
    from mypy_boto3_sagemaker import SageMakerClient

APPROVED: Final = "Approved"


class NoSuchModelError(LookupError):
    """The environment has no such model."""


@dataclass(frozen=True)
class Model:
    """A model of the registry; `lambdas.common.model_registry` defines its properties."""

    package_arn: str
    number: int
    status: str
    verdict: str
    created_at: datetime
    properties: dict[str, str]

    @property
    def version(self) -> str:
        """The model version, which the serving table shows with each stage."""
        return self.properties.get("model_version", "")


def list_models(client: "SageMakerClient", environment: str) -> list[Model]:
    """Return the models of an environment, newest first."""
    pages = client.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=f"buyer-stage-{environment}", SortBy="CreationTime", SortOrder="Descending"
    )
    described = [
        client.describe_model_package(ModelPackageName=summary["ModelPackageArn"])
        for page in pages
        for summary in page["ModelPackageSummaryList"]
    ]
    return [
        Model(
            package["ModelPackageArn"],
            package["ModelPackageVersion"],
            package["ModelApprovalStatus"],
            package.get("ModelPackageDescription", ""),
            package["CreationTime"],
            package.get("CustomerMetadataProperties", {}),
        )
        for package in described
    ]


def choose(models: list[Model], version: str | None, status: str | None = None) -> Model:
    """Return the model with a version, or the newest model with a status.

    Args:
        models: the models, newest first.
        version: model version; None for any.
        status: approval status, which counts only without a version; None for any.

    Raises:
        NoSuchModelError: there is no such model; the message lists the registered ones.
    """
    for model in models:
        if model.version == version if version else status in (None, model.status):
            return model
    known = ", ".join(f"{model.version} ({model.status})" for model in models) or "none"
    wanted = f"version {version}" if version else f"status {status}" if status else "any version"
    raise NoSuchModelError(f"There is no model with {wanted}. Registered models: {known}")


def approve(client: "SageMakerClient", model: Model, reason: str) -> None:
    """Approve a model, which scores members from the next execution on."""
    client.update_model_package(
        ModelPackageArn=model.package_arn, ModelApprovalStatus=APPROVED, ApprovalDescription=reason
    )


def delete(sagemaker: "SageMakerClient", s3: "S3ServiceResource", model: Model) -> None:
    """Delete a model from the registry, together with its SageMaker model and its Autopilot job's output.

    The output goes first: after an interruption, the model is still listed and can be deleted again.
    """
    with contextlib.suppress(sagemaker.exceptions.ResourceNotFound):
        job = sagemaker.describe_auto_ml_job_v2(AutoMLJobName=model.version)
        output = urlsplit(f"{job['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{model.version}/")
        s3.Bucket(output.netloc).objects.filter(Prefix=output.path.lstrip("/")).delete()
    try:
        sagemaker.delete_model(ModelName=model.version)
    except ClientError as error:
        if not is_client_error(error, "ValidationException", "Could not find model"):
            raise
    sagemaker.delete_model_package(ModelPackageName=model.package_arn)


def show(models: list[Model], console: Console) -> None:
    """Print the models, newest first, each with its verdict; mark the one in use."""
    in_use = next((model for model in models if model.status == APPROVED), None)
    for model in models:
        mark = "  [green]in use[/green]" if model is in_use else ""
        console.print(f"[bold]{model.version}[/bold]  {model.created_at:%Y-%m-%d %H:%M}  {model.status}{mark}")
        console.print(f"  {model.verdict}", highlight=False)
    if not models:
        console.print("There are no models. The next execution of the ML pipeline trains one.")


def main() -> None:
    """List, approve or delete models; exit with 1 when there is no such model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["list", "approve", "delete"])
    parser.add_argument("--environment", required=True, choices=ENVIRONMENTS)
    parser.add_argument("--model", help="model version, as `list` shows it")
    parser.add_argument("--all", action="store_true", help="delete every model, which `destroy` requires")
    arguments = parser.parse_args()
    require(arguments.environment)
    client, console = boto3.client("sagemaker"), Console()
    models = list_models(client, arguments.environment)
    try:
        match arguments.action:
            case "approve":
                approve(client, choose(models, arguments.model), "approved with make approve-model")
            case "delete":
                for model in models if arguments.all else [choose(models, arguments.model, APPROVED)]:
                    delete(client, boto3.resource("s3"), model)
    except NoSuchModelError as error:
        sys.exit(str(error))
    show(list_models(client, arguments.environment), console)


if __name__ == "__main__":
    main()
