"""A model is available when it was approved, fits this version and exists."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from buyer_stage.errors import ModelError
from buyer_stage.features import column_checksum
from lambdas.check_if_model_available import handler as function

Registered = Callable[..., dict[str, Any]]
YESTERDAY, LONG_AGO = datetime(2020, 1, 31, 10, tzinfo=UTC), datetime(2019, 12, 31, 10, tzinfo=UTC)
MODEL = {
    "ModelName": "buyer-stage-model-1",
    "ModelArn": "arn:aws:sagemaker:us-west-2:123456789012:model/buyer-stage-model-1",
    "CreationTime": YESTERDAY,
}


@pytest.fixture
def stub() -> Iterator[Stubber]:
    """Stands between the function and SageMaker."""
    with Stubber(function.sagemaker) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def find(stub: Stubber, package: dict[str, Any], **status: str) -> None:
    """Let the registry find a package, when asked for the newest one of a status."""
    summary = {key: package[key] for key in ("ModelPackageArn", "CreationTime", "ModelPackageStatus")}
    expected = {
        "ModelPackageGroupName": "buyer-stage-test",
        "SortBy": "CreationTime",
        "SortOrder": "Descending",
        "MaxResults": 1,
    }
    stub.add_response("list_model_packages", {"ModelPackageSummaryList": [summary]}, {**expected, **status})
    stub.add_response("describe_model_package", package)


def test_approved_model_is_available(
    event: dict[str, Any], context: Any, stub: Stubber, registered: Registered
) -> None:
    find(stub, registered(1, YESTERDAY), ModelApprovalStatus="Approved")
    stub.add_response("describe_model", MODEL)
    find(stub, registered(1, YESTERDAY))
    assert function.handler(event, context) == {
        "available": True,
        "model_name": "buyer-stage-model-1",
        "model_version": "buyer-stage-automl-1",
        "train": False,
    }


@pytest.mark.parametrize(
    ("retrain", "created", "train"), [(True, YESTERDAY, True), (False, LONG_AGO, True), (False, YESTERDAY, False)]
)
def test_another_is_trained_when_asked_for_or_when_the_last_attempt_is_too_long_ago(
    event: dict[str, Any],
    context: Any,
    stub: Stubber,
    registered: Registered,
    retrain: bool,
    created: datetime,
    train: bool,
) -> None:
    find(stub, registered(1, LONG_AGO), ModelApprovalStatus="Approved")
    stub.add_response("describe_model", MODEL)
    find(stub, registered(2, created))
    answer = function.handler({**event, "retrain": retrain}, context)
    assert (answer["model_name"], answer["train"]) == ("buyer-stage-model-1", train)


def test_nothing_approved_is_not_available(
    event: dict[str, Any], context: Any, stub: Stubber, emitted_metrics: Callable[[], dict[str, float]]
) -> None:
    stub.add_response("list_model_packages", {"ModelPackageSummaryList": []})
    assert function.handler(event, context) == {"available": False, "train": True}
    assert emitted_metrics() == {"ModelAvailable": 0}


def test_model_that_is_gone_is_an_error_that_says_what_to_do(
    event: dict[str, Any], context: Any, stub: Stubber, registered: Registered
) -> None:
    find(stub, registered(1), ModelApprovalStatus="Approved")
    stub.add_client_error("describe_model", "ValidationException", 'Could not find model "x".', http_status_code=400)
    with pytest.raises(ModelError, match=r"buyer-stage-model-1 is gone .* `make delete-model`"):
        function.handler(event, context)


def test_model_of_other_columns_is_an_error_that_says_what_to_do(
    event: dict[str, Any], context: Any, stub: Stubber, registered: Registered
) -> None:
    find(stub, registered(1, column_checksum=column_checksum(["snapshot_month"])), ModelApprovalStatus="Approved")
    with pytest.raises(ModelError, match="other columns; `make delete-model`"):
        function.handler(event, context)


def test_package_of_somebody_else_is_an_error_that_names_it(
    event: dict[str, Any], context: Any, stub: Stubber, registered: Registered
) -> None:
    package = {**registered(1), "CustomerMetadataProperties": {"model_name": "other"}}
    find(stub, package, ModelApprovalStatus="Approved")
    with pytest.raises(ModelError, match="buyer-stage-test/1 was registered without column_checksum, model_version"):
        function.handler(event, context)


def test_other_refusals_of_sagemaker_keep_their_name(
    event: dict[str, Any], context: Any, stub: Stubber, registered: Registered
) -> None:
    find(stub, registered(1), ModelApprovalStatus="Approved")
    stub.add_client_error("describe_model", "AccessDeniedException", "not allowed", http_status_code=400)
    with pytest.raises(ClientError, match="AccessDeniedException"):
        function.handler(event, context)
