"""SageMaker's model registry: model package groups, model packages and their approval, and tags."""

import time
from collections.abc import Callable
from typing import Any

from localcloud.sagemaker.resources import Document, RequestError, arn, require_known

MAXIMUM_PAGE = 100

_CREATED_WITH = frozenset(
    {
        "ModelPackageGroupName", "ModelPackageDescription", "InferenceSpecification", "ModelApprovalStatus",
        "ModelMetrics", "CustomerMetadataProperties", "DriftCheckBaselines", "Domain", "Task", "SamplePayloadUrl",
        "ClientToken",
    }
)  # fmt: skip
_UPDATED_WITH = frozenset(
    {
        "ModelPackageArn", "ModelApprovalStatus", "ApprovalDescription", "CustomerMetadataProperties",
        "CustomerMetadataPropertiesToRemove", "ClientToken",
    }
)  # fmt: skip
_LISTED_WITH = frozenset(
    {
        "ModelPackageGroupName", "ModelApprovalStatus", "CreationTimeAfter", "SortBy", "SortOrder", "MaxResults",
        "NextToken",
    }
)  # fmt: skip
_SUMMARY = (
    "ModelPackageGroupName", "ModelPackageVersion", "ModelPackageArn", "ModelPackageDescription", "CreationTime",
    "ModelPackageStatus", "ModelApprovalStatus",
)  # fmt: skip

_groups: dict[str, Document] = {}
_latest_versions: dict[str, int] = {}
_packages: dict[str, Document] = {}
_responses: dict[str, Document] = {}
"""Client token -> the response that a repeated request receives again."""
_tags: dict[str, dict[str, str]] = {}


def find_package(name: str) -> Document:
    """Return a model package.

    Raises:
        RequestError: No model package has this ARN.
    """
    if name not in _packages:
        raise RequestError("ValidationException", f"ModelPackage {name} does not exist.")
    return _packages[name]


def deployable_container(package_arn: str) -> Document:
    """Return the container of a package that a model can use.

    Raises:
        RequestError: The package does not exist, is not approved, or does not have exactly one container.
    """
    package = find_package(package_arn)
    if package["ModelApprovalStatus"] != "Approved":
        raise RequestError("ValidationException", f"ModelPackage {package_arn} is {package['ModelApprovalStatus']}.")
    containers = package.get("InferenceSpecification", {}).get("Containers", [])
    if len(containers) != 1:
        raise RequestError(
            "ValidationException", f"the local cloud serves models of one container, not {len(containers)}"
        )
    container: Document = containers[0]
    return container


def refuse_tags(request: Document) -> None:
    """Refuse the tags of a package in a group, which uses the tags of the group.

    See `Tags` in https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModelPackage.html.

    Raises:
        RequestError: The package is in a group.
    """
    if "ModelPackageGroupName" in request:
        raise RequestError("ValidationException", "a model package in a group uses the tags of the group")


def _find_group(name: str) -> Document:
    group = _groups.get(name.rpartition("/")[2])
    if group is None:
        raise RequestError("ValidationException", f"ModelPackageGroup {name} does not exist.")
    return group


def keep_tags(resource_arn: str, tags: list[dict[str, str]]) -> None:
    """Add tags to those of a resource, or replace their values."""
    _tags.setdefault(resource_arn, {}).update({tag["Key"]: tag["Value"] for tag in tags})


def _create_group(request: Document) -> Document:
    require_known(request, frozenset({"ModelPackageGroupName", "ModelPackageGroupDescription"}))
    name = request["ModelPackageGroupName"]
    if name in _groups:
        raise RequestError("ValidationException", f"Model Package Group already exists: {name}")
    group_arn = arn("model-package-group", name)
    _groups[name] = {
        **request,
        "ModelPackageGroupArn": group_arn,
        "ModelPackageGroupStatus": "Completed",
        "CreationTime": time.time(),
        "CreatedBy": {},
    }
    return {"ModelPackageGroupArn": group_arn}


def _delete_group(request: Document) -> Document:
    group = _find_group(request["ModelPackageGroupName"])
    name = group["ModelPackageGroupName"]
    if any(package["ModelPackageGroupName"] == name for package in _packages.values()):
        raise RequestError("ConflictException", f"Model Package Group {name} still holds model packages.")
    del _groups[name]
    _tags.pop(group["ModelPackageGroupArn"], None)
    return {}


def _create_package(request: Document) -> Document:
    require_known(request, _CREATED_WITH)
    if request.get("ClientToken") in _responses:
        return _responses[request["ClientToken"]]
    if "ModelPackageGroupName" not in request:
        raise RequestError(
            "ValidationException", "the local cloud creates model packages in a model package group only"
        )
    group = _find_group(request["ModelPackageGroupName"])["ModelPackageGroupName"]
    version = _latest_versions[group] = _latest_versions.get(group, 0) + 1
    package_arn = arn("model-package", f"{group}/{version}")
    described = {key: value for key, value in request.items() if key != "ClientToken"}
    _packages[package_arn] = {
        "ModelApprovalStatus": "PendingManualApproval",
        **described,
        "ModelPackageGroupName": group,
        "ModelPackageVersion": version,
        "ModelPackageArn": package_arn,
        "ModelPackageName": package_arn,
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": []},
        "CreationTime": time.time(),
        "CreatedBy": {},
    }
    response = {"ModelPackageArn": package_arn}
    if "ClientToken" in request:
        _responses[request["ClientToken"]] = response
    return response


def _update_package(request: Document) -> Document:
    require_known(request, _UPDATED_WITH)
    package = find_package(request["ModelPackageArn"])
    package.update({key: request[key] for key in ("ModelApprovalStatus", "ApprovalDescription") if key in request})
    properties = {**package.get("CustomerMetadataProperties", {}), **request.get("CustomerMetadataProperties", {})}
    removed = request.get("CustomerMetadataPropertiesToRemove", [])
    package["CustomerMetadataProperties"] = {key: properties[key] for key in properties if key not in removed}
    package["LastModifiedTime"] = time.time()
    return {"ModelPackageArn": package["ModelPackageArn"]}


def _delete_package(request: Document) -> Document:
    package = find_package(request["ModelPackageName"])
    del _packages[package["ModelPackageArn"]]
    _tags.pop(package["ModelPackageArn"], None)
    return {}


def _list_packages(request: Document) -> Document:
    require_known(request, _LISTED_WITH)
    if request.get("SortBy", "CreationTime") != "CreationTime":
        raise RequestError("ValidationException", "the local cloud sorts model packages by CreationTime only")
    group = _find_group(request["ModelPackageGroupName"])["ModelPackageGroupName"]
    found = sorted(
        (
            package
            for package in _packages.values()
            if package["ModelPackageGroupName"] == group
            and package["ModelApprovalStatus"] == request.get("ModelApprovalStatus", package["ModelApprovalStatus"])
            and package["CreationTime"] > request.get("CreationTimeAfter", 0)
        ),
        key=lambda package: int(package["ModelPackageVersion"]),
        reverse=request.get("SortOrder", "Descending") == "Descending",
    )
    return page(
        "ModelPackageSummaryList", [{key: item[key] for key in _SUMMARY if key in item} for item in found], request
    )


def page(list_name: str, items: list[Document], request: Document) -> Document:
    """Return one page of a list; the token is the position at which the next page starts."""
    start = int(request.get("NextToken", 0))
    end = start + int(request.get("MaxResults", MAXIMUM_PAGE))
    return {list_name: items[start:end], **({"NextToken": str(end)} if end < len(items) else {})}


def _list_tags(request: Document) -> Document:
    return {"Tags": [{"Key": key, "Value": value} for key, value in _tagged(request).items()]}


def _add_tags(request: Document) -> Document:
    _tagged(request)
    keep_tags(request["ResourceArn"], request["Tags"])
    return _list_tags(request)


def _delete_tags(request: Document) -> Document:
    tags = _tagged(request)
    for key in request["TagKeys"]:
        tags.pop(key, None)
    return {}


def _tagged(request: Document) -> dict[str, str]:
    resource_arn = request["ResourceArn"]
    if resource_arn not in _tags:
        raise RequestError("ValidationException", f"the local cloud does not keep tags of {resource_arn}")
    return _tags[resource_arn]


OPERATIONS: dict[str, Callable[[Document], Any]] = {
    "CreateModelPackageGroup": _create_group,
    "DescribeModelPackageGroup": lambda request: _find_group(request["ModelPackageGroupName"]),
    "DeleteModelPackageGroup": _delete_group,
    "CreateModelPackage": _create_package,
    "DescribeModelPackage": lambda request: find_package(request["ModelPackageName"]),
    "ListModelPackages": _list_packages,
    "UpdateModelPackage": _update_package,
    "DeleteModelPackage": _delete_package,
    "ListTags": _list_tags,
    "AddTags": _add_tags,
    "DeleteTags": _delete_tags,
}
