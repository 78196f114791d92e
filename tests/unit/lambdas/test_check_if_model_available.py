"""A model is available if it is approved, fits this version and exists."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from buyer_stage.domain.errors import InvalidManifestError, ModelError
from buyer_stage.domain.features import column_checksum
from buyer_stage.domain.s3_layout import drift_report_key
from lambdas.check_if_model_available import handler as function

Put = Callable[[str, str], None]
Registered = Callable[..., dict[str, Any]]
Metrics = Callable[[], dict[str, float]]
START = datetime(2020, 2, 1, 10, tzinfo=UTC)
YESTERDAY = START - timedelta(days=1)
MODEL = {
    "ModelName": "buy-test-0123456789-1",
    "ModelArn": "arn:aws:sagemaker:us-west-2:123456789012:model/buy-test-0123456789-1",
    "CreationTime": YESTERDAY,
}


@pytest.fixture
def stub() -> Iterator[Stubber]:
    """A stub between the function and SageMaker."""
    with Stubber(function.sagemaker) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def find(stub: Stubber, package: dict[str, Any]) -> None:
    """Let the registry find a package as the newest approved one."""
    summary = {key: package[key] for key in ("ModelPackageArn", "CreationTime", "ModelPackageStatus")}
    expected = {
        "ModelPackageGroupName": "buyer-stage-test",
        "ModelApprovalStatus": "Approved",
        "SortBy": "CreationTime",
        "SortOrder": "Descending",
        "MaxResults": 1,
    }
    stub.add_response("list_model_packages", {"ModelPackageSummaryList": [summary]}, expected)
    stub.add_response("describe_model_package", package)


def test_approved_model_is_available(
    event: dict[str, Any], context: Any, stub: Stubber, registered: Registered, emitted_metrics: Metrics
) -> None:
    find(stub, registered(1, YESTERDAY))
    stub.add_response("describe_model", MODEL)
    assert function.handler(event, context) == {
        "available": True,
        "model_version": "buy-test-0123456789-1",
        "train": False,
        "train_because": "",
    }
    assert emitted_metrics() == {"ModelAvailable": 1, "ModelAgeDays": 1}


@pytest.mark.parametrize(
    ("retrain", "days_ago", "because"),
    [
        (True, 1, "the execution's input asks for it"),
        (False, 32, "buy-test-0123456789-1 is 32 days old"),
        (False, 31, "buy-test-0123456789-1 is 31 days old"),
        (False, 30, ""),
        (False, 1, ""),
    ],
)
def test_another_model_is_wanted_on_request_or_when_the_model_in_use_is_old(
    event: dict[str, Any],
    context: Any,
    stub: Stubber,
    registered: Registered,
    emitted_metrics: Metrics,
    retrain: bool,
    days_ago: int,
    because: str,
) -> None:
    find(stub, registered(1, START - timedelta(days=days_ago)))
    stub.add_response("describe_model", MODEL)
    result = function.handler({**event, "retrain": retrain}, context)
    assert result["model_version"] == "buy-test-0123456789-1"
    assert (result["train"], result["train_because"]) == (because != "", because)
    assert emitted_metrics() == {"ModelAvailable": 1, "ModelAgeDays": days_ago}


DAY = date(2020, 1, 30)


def put_report(put: Put, day: date, *, is_drifted: bool, model_version: str = "buy-test-0123456789-1") -> None:
    put(drift_report_key(model_version, day), json.dumps({"is_drifted": is_drifted, "other": "fields"}))


@pytest.fixture
def daily_result(event: dict[str, Any], context: Any, stub: Stubber, registered: Registered) -> Callable[[], Any]:
    """Call the function on a day when model 1 is in use and was trained yesterday."""

    def call() -> Any:
        find(stub, registered(1, YESTERDAY))
        stub.add_response("describe_model", MODEL)
        return function.handler(event, context)

    return call


def test_another_model_is_wanted_when_members_have_drifted(daily_result: Callable[[], Any], put: Put) -> None:
    put_report(put, DAY - timedelta(days=1), is_drifted=False)
    put_report(put, DAY, is_drifted=True)
    result = daily_result()
    assert result["train"] is True
    assert result["train_because"] == "members have drifted since buy-test-0123456789-1 was trained"


def test_past_drift_and_drift_of_another_model_train_no_model(daily_result: Callable[[], Any], put: Put) -> None:
    put_report(put, DAY, is_drifted=True)
    put_report(put, DAY + timedelta(days=1), is_drifted=False)
    put_report(put, DAY, is_drifted=True, model_version="buy-test-0123456789-11")
    assert daily_result()["train"] is False


def test_drift_trains_no_model_where_retraining_on_drift_is_off(
    daily_result: Callable[[], Any], put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(function, "variables", function.variables.model_copy(update={"retrain_on_drift": False}))
    put_report(put, DAY, is_drifted=True)
    assert daily_result()["train"] is False


def test_damaged_report_is_an_error_that_names_it(daily_result: Callable[[], Any], put: Put) -> None:
    key = drift_report_key("buy-test-0123456789-1", DAY)
    put(key, "{}")
    with pytest.raises(InvalidManifestError, match=f"{key} is damaged: is_drifted"):
        daily_result()


def test_no_approved_model_is_not_available(
    event: dict[str, Any], context: Any, stub: Stubber, emitted_metrics: Metrics
) -> None:
    stub.add_response("list_model_packages", {"ModelPackageSummaryList": []})
    assert function.handler(event, context) == {
        "available": False, "train": True, "train_because": "no model has been approved",
        "model_version": None,
    }  # fmt: skip
    assert emitted_metrics() == {"ModelAvailable": 0}


def test_missing_model_is_an_error_that_says_what_to_do(
    event: dict[str, Any], context: Any, stub: Stubber, registered: Registered, emitted_metrics: Metrics
) -> None:
    find(stub, registered(1))
    stub.add_client_error("describe_model", "ValidationException", 'Could not find model "x".', http_status_code=400)
    with pytest.raises(ModelError, match=r"buy-test-0123456789-1 is missing .* `make delete-model`"):
        function.handler(event, context)
    assert emitted_metrics() == {"ModelAvailable": 1}


def test_model_of_other_columns_is_an_error_that_says_what_to_do(
    event: dict[str, Any], context: Any, stub: Stubber, registered: Registered
) -> None:
    find(stub, registered(1, column_checksum=column_checksum(["snapshot_month"])))
    with pytest.raises(ModelError, match="other columns; delete it with `make delete-model`"):
        function.handler(event, context)


def test_package_of_another_program_is_an_error_that_names_it(
    event: dict[str, Any], context: Any, stub: Stubber, registered: Registered
) -> None:
    package = {**registered(1), "CustomerMetadataProperties": {"other": "property"}}
    find(stub, package)
    missing = "column_checksum, model_version"
    with pytest.raises(ModelError, match=f"buyer-stage-test/1 was registered without {missing}"):
        function.handler(event, context)


def test_other_sagemaker_errors_keep_their_name(
    event: dict[str, Any], context: Any, stub: Stubber, registered: Registered
) -> None:
    find(stub, registered(1))
    stub.add_client_error("describe_model", "AccessDeniedException", "not allowed", http_status_code=400)
    with pytest.raises(ClientError, match="AccessDeniedException"):
        function.handler(event, context)
