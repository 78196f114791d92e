"""Finds models in SageMaker's registry, which keeps what the pipeline needs to know about each of them."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from buyer_stage.domain.errors import ModelError
from buyer_stage.domain.features import MODEL_FEATURES, column_checksum

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker.type_defs import DescribeModelPackageOutputTypeDef

REMEDY = "delete it with `make delete-model`; the next execution uses an earlier model or trains another"


@dataclass(frozen=True)
class RegisteredModel:
    """A model package.

    Attributes:
        model_version: name of the SageMaker model and of the Autopilot job that trained it; what the serving table
            shows next to each stage.
        created_at: when it was registered, with time zone.
        approval_status: `Approved`, `Rejected` or `PendingManualApproval`.
        verdict: the reason that the gate gave for its decision.
    """

    model_version: str
    created_at: datetime
    approval_status: str
    verdict: str


def package_properties(model_version: str) -> dict[str, str]:
    """Return the properties to register a package with, so that the functions below can read it."""
    return {"model_version": model_version, "column_checksum": column_checksum(MODEL_FEATURES)}


def newest_approved_model(sagemaker: "SageMakerClient", group: str) -> RegisteredModel | None:
    """Return the approved model that was registered last, or None if there is none.

    Args:
        sagemaker: the client.
        group: name of the model package group.

    Raises:
        ModelError: the model was trained on other columns, or another program registered it.
    """
    found = sagemaker.list_model_packages(
        ModelPackageGroupName=group,
        ModelApprovalStatus="Approved",
        SortBy="CreationTime",
        SortOrder="Descending",
        MaxResults=1,
    )["ModelPackageSummaryList"]
    if not found:
        return None
    package_arn = found[0]["ModelPackageArn"]
    package = sagemaker.describe_model_package(ModelPackageName=package_arn)
    properties = package.get("CustomerMetadataProperties", {})
    if missing := {"model_version", "column_checksum"} - properties.keys():
        raise ModelError(f"{package_arn} was registered without {', '.join(sorted(missing))}; {REMEDY}")
    if properties["column_checksum"] != column_checksum(MODEL_FEATURES):
        raise ModelError(f"model {properties['model_version']} was trained on other columns; {REMEDY}")
    return _registered(package)


def models_registered_since(sagemaker: "SageMakerClient", group: str, since: datetime) -> dict[str, RegisteredModel]:
    """Return the models that were registered at a time or later, by model version, whatever their approval status."""
    pages = sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=group, CreationTimeAfter=since
    )
    described = [
        sagemaker.describe_model_package(ModelPackageName=summary["ModelPackageArn"])
        for page in pages
        for summary in page["ModelPackageSummaryList"]
    ]
    models = [
        _registered(package)
        for package in described
        if "model_version" in package.get("CustomerMetadataProperties", {})
    ]
    return {model.model_version: model for model in models}


def _registered(package: "DescribeModelPackageOutputTypeDef") -> RegisteredModel:
    return RegisteredModel(
        package["CustomerMetadataProperties"]["model_version"],
        package["CreationTime"],
        package["ModelApprovalStatus"],
        package.get("ModelPackageDescription", ""),
    )
