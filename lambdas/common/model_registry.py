"""Finds models in SageMaker's registry, where they are registered with what the pipeline needs to know of them."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from buyer_stage.domain.errors import ModelError
from buyer_stage.domain.features import MODEL_FEATURES, column_checksum

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker.type_defs import ListModelPackagesInputTypeDef


@dataclass(frozen=True)
class RegisteredModel:
    """A model package.

    Attributes:
        package_arn: ARN of the package.
        model_name: name of the SageMaker model made from it.
        model_version: what the serving table shows beside each stage.
        created_at: when it was registered; aware.
        training_data_sha256: names the rows that it learned from, as the labeled set's manifest does.
    """

    package_arn: str
    model_name: str
    model_version: str
    created_at: datetime
    training_data_sha256: str


def package_properties(model_name: str, model_version: str, training_data_sha256: str) -> dict[str, str]:
    """Give what a package is registered with, so that `newest_model` can read it."""
    return {
        "model_name": model_name,
        "model_version": model_version,
        "column_checksum": column_checksum(MODEL_FEATURES),
        "training_data_sha256": training_data_sha256,
    }


def newest_model(
    sagemaker: "SageMakerClient", group: str, status: Literal["Approved"] | None = None
) -> RegisteredModel | None:
    """Give the model registered last; `None` when there is none.

    Args:
        sagemaker: the client.
        group: name of the model package group.
        status: the approval status it must have; any when left out.

    Raises:
        ModelError: it learned from other columns, or was not registered by this pipeline.
    """
    request: ListModelPackagesInputTypeDef = {
        "ModelPackageGroupName": group,
        "SortBy": "CreationTime",
        "SortOrder": "Descending",
        "MaxResults": 1,
    }
    if status is not None:
        request["ModelApprovalStatus"] = status
    found = sagemaker.list_model_packages(**request)["ModelPackageSummaryList"]
    if not found:
        return None
    package_arn = found[0]["ModelPackageArn"]
    package = sagemaker.describe_model_package(ModelPackageName=package_arn)
    properties = package.get("CustomerMetadataProperties", {})
    if missing := {"model_name", "model_version", "column_checksum", "training_data_sha256"} - properties.keys():
        raise ModelError(f"{package_arn} was registered without {', '.join(sorted(missing))}; {REMEDY}")
    if properties["column_checksum"] != column_checksum(MODEL_FEATURES):
        raise ModelError(f"model {properties['model_version']} was trained on other columns; {REMEDY}")
    return RegisteredModel(
        package_arn,
        properties["model_name"],
        properties["model_version"],
        package["CreationTime"],
        properties["training_data_sha256"],
    )


REMEDY = "`make delete-model` takes it away; the next run then uses an earlier model or trains another"
