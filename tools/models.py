"""Shows the models of an environment, lets one score members, or takes one away.

python -m tools.models list --environment dev
python -m tools.models approve --environment dev [--model VERSION]
python -m tools.models delete --environment dev [--model VERSION | --all]

Without `--model`, `approve` takes the newest model and `delete` the one in use. When the one in use is deleted, the
approved one before it takes its place; when there is none, the next ML run trains another.
"""

import argparse
import sys
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

import boto3
from rich.console import Console

from tools.terraform import ENVIRONMENTS

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

APPROVED: Final = "Approved"


class NoSuchModelError(LookupError):
    """No model of the environment is the one that was meant."""


@dataclass(frozen=True)
class Model:
    """A model as the registry has it; `properties` are those of `lambdas.common.model_registry`."""

    package_arn: str
    number: int
    status: str
    verdict: str
    created_at: datetime
    properties: dict[str, str]

    @property
    def version(self) -> str:
        """What the serving table shows beside each stage."""
        return self.properties.get("model_version", "")


def list_models(client: "SageMakerClient", environment: str) -> list[Model]:
    """Give the models of an environment, newest first."""
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
    """Give the model of a version, or the newest one of a status.

    Raises:
        NoSuchModelError: there is none; the message says which there are.
    """
    for model in models:
        if model.version == version if version else status in (None, model.status):
            return model
    known = ", ".join(f"{model.version} ({model.status})" for model in models) or "none"
    raise NoSuchModelError(f"no model {version or status or 'at all'}; the registry has: {known}")


def approve(client: "SageMakerClient", model: Model, reason: str) -> None:
    """Let a model score members from the next run on."""
    client.update_model_package(
        ModelPackageArn=model.package_arn, ModelApprovalStatus=APPROVED, ApprovalDescription=reason
    )


def delete(client: "SageMakerClient", model: Model) -> None:
    """Take a model out of the registry, and the SageMaker model made from it away."""
    client.delete_model_package(ModelPackageName=model.package_arn)
    if name := model.properties.get("model_name"):
        client.delete_model(ModelName=name)


def show(models: list[Model], console: Console) -> None:
    """Print the models, newest first, each with its verdict; the one in use is marked."""
    in_use = next((model for model in models if model.status == APPROVED), None)
    for model in models:
        mark = "  [green]in use[/green]" if model is in_use else ""
        console.print(f"[bold]{model.version}[/bold]  {model.created_at:%Y-%m-%d %H:%M}  {model.status}{mark}")
        console.print(f"  {model.verdict}", highlight=False)
    if not models:
        console.print("no models; the next ML run trains one")


def main() -> None:
    """Do one thing; exits with 1 when there is no such model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["list", "approve", "delete"])
    parser.add_argument("--environment", required=True, choices=ENVIRONMENTS)
    parser.add_argument("--model", help="the version, as `list` shows it")
    parser.add_argument("--all", action="store_true", help="delete every model, as before the environment is destroyed")
    arguments = parser.parse_args()
    client, console = boto3.client("sagemaker"), Console()
    models = list_models(client, arguments.environment)
    try:
        match arguments.action:
            case "approve":
                approve(client, choose(models, arguments.model), "approved by hand with tools.models")
            case "delete":
                for model in models if arguments.all else [choose(models, arguments.model, APPROVED)]:
                    delete(client, model)
    except NoSuchModelError as error:
        sys.exit(str(error))
    show(list_models(client, arguments.environment), console)


if __name__ == "__main__":
    main()
