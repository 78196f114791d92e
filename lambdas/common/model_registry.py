"""Finds models in SageMaker's registry, which keeps what the pipeline needs to know about each of them."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from buyer_stage.domain.errors import ModelError
from buyer_stage.domain.features import MODEL_FEATURES, column_checksum

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker.type_defs import ListModelPackagesInputTypeDef

REMEDY = "delete it with `make delete-model`; the next execution uses an earlier model or trains another"


@dataclass(frozen=True)
class Champion:
    """The approved model that a challenger is compared with.

    Attributes:
        model_name: name of the SageMaker model.
        model_version: what the serving table shows next to each stage.
    """

    model_name: str
    model_version: str


@dataclass(frozen=True)
class RegisteredModel:
    """A model package.

    Attributes:
        package_arn: ARN of the package.
        model_name: name of the SageMaker model with the same containers.
        model_version: what the serving table shows next to each stage.
        created_at: when it was registered, with time zone.
        training_data_sha256: identifies the rows that it was trained on, as in the labeled set's manifest.
    """

    package_arn: str
    model_name: str
    model_version: str
    created_at: datetime
    training_data_sha256: str


def package_properties(model_name: str, model_version: str, training_data_sha256: str) -> dict[str, str]:
    """Return the properties to register a package with, so that `newest_model` can read it."""
    return {
        "model_name": model_name,
        "model_version": model_version,
        "column_checksum": column_checksum(MODEL_FEATURES),
        "training_data_sha256": training_data_sha256,
    }


def newest_model(
    sagemaker: "SageMakerClient", group: str, status: Literal["Approved"] | None = None
) -> RegisteredModel | None:
    """Return the model that was registered last, or None if there is none.

    Args:
        sagemaker: the client.
        group: name of the model package group.
        status: the approval status that the model must have; None for any.

    Raises:
        ModelError: the model was trained on other columns, or another program registered it.
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
