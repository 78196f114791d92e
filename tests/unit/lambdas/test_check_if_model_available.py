"""A model is available when it was approved, fits this version and exists."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from buyer_stage.domain.documents import to_json
from buyer_stage.domain.errors import InvalidManifestError, ModelError
from buyer_stage.domain.features import column_checksum
from buyer_stage.domain.s3_layout import LABELED_SET_MANIFEST_KEY, drift_report_key
from lambdas.check_if_model_available import handler as function
from tests.unit.lambdas.labeled_set import MANIFEST

Put = Callable[[str, str], None]
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
        "train_because": "",
    }


@pytest.mark.parametrize(
    ("retrain", "created", "because"),
    [
        (True, YESTERDAY, "the execution's input asks for it"),
        (False, LONG_AGO, "the last attempt was 32 days ago"),
        (False, YESTERDAY, ""),
    ],
)
def test_another_is_trained_when_asked_for_or_when_the_last_attempt_is_too_long_ago(
    event: dict[str, Any],
    context: Any,
    stub: Stubber,
    registered: Registered,
    retrain: bool,
    created: datetime,
    because: str,
) -> None:
    find(stub, registered(1, LONG_AGO), ModelApprovalStatus="Approved")
    stub.add_response("describe_model", MODEL)
    find(stub, registered(2, created))
    answer = function.handler({**event, "retrain": retrain}, context)
    assert answer["model_name"] == "buyer-stage-model-1"
    assert (answer["train"], answer["train_because"]) == (because != "", because)


DAY = date(2020, 1, 30)


def put_report(put: Put, day: date, *, is_drifted: bool, model_version: str = "buyer-stage-automl-1") -> None:
    put(drift_report_key(model_version, day), json.dumps({"is_drifted": is_drifted, "more": "than is read"}))


def put_labeled_set(put: Put, training_data_sha256: str) -> None:
    sha256 = {**MANIFEST.with_members_sha256, "train": training_data_sha256}
    put(LABELED_SET_MANIFEST_KEY, to_json(replace(MANIFEST, with_members_sha256=sha256)))


@pytest.fixture
def daily_answer(event: dict[str, Any], context: Any, stub: Stubber, registered: Registered) -> Callable[[], Any]:
    """Call the function on a day when model 1 is in use, was trained yesterday, and nobody asks for another."""

    def call() -> Any:
        find(stub, registered(1, YESTERDAY), ModelApprovalStatus="Approved")
        stub.add_response("describe_model", MODEL)
        find(stub, registered(1, YESTERDAY))
        return function.handler(event, context)

    return call


def test_another_is_trained_when_members_have_drifted_and_there_is_more_to_learn_from(
    daily_answer: Callable[[], Any], put: Put
) -> None:
    put_report(put, DAY - timedelta(days=1), is_drifted=False)
    put_report(put, DAY, is_drifted=True)
    put_labeled_set(put, "other-rows")
    answer = daily_answer()
    assert answer["train"] is True
    assert answer["train_because"] == "members have drifted from those that buyer-stage-automl-1 was made from"


@pytest.mark.parametrize("training_data", ["rows-of-before", None])
def test_none_is_trained_on_the_rows_that_the_last_one_was_made_from(
    daily_answer: Callable[[], Any], put: Put, training_data: str | None
) -> None:
    put_report(put, DAY, is_drifted=True)
    if training_data is not None:
        put_labeled_set(put, training_data)
    assert daily_answer()["train"] is False


def test_drift_that_is_over_or_of_another_model_trains_none(daily_answer: Callable[[], Any], put: Put) -> None:
    put_report(put, DAY, is_drifted=True)
    put_report(put, DAY + timedelta(days=1), is_drifted=False)
    put_report(put, DAY, is_drifted=True, model_version="buyer-stage-automl-11")
    put_labeled_set(put, "other-rows")
    assert daily_answer()["train"] is False


def test_drift_trains_none_where_that_is_not_wanted(
    daily_answer: Callable[[], Any], put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(function, "variables", function.variables.model_copy(update={"retrain_on_drift": False}))
    put_report(put, DAY, is_drifted=True)
    put_labeled_set(put, "other-rows")
    assert daily_answer()["train"] is False


def test_damaged_report_is_an_error_that_names_it(daily_answer: Callable[[], Any], put: Put) -> None:
    key = drift_report_key("buyer-stage-automl-1", DAY)
    put(key, "{}")
    with pytest.raises(InvalidManifestError, match=f"{key} is damaged: is_drifted"):
        daily_answer()


def test_nothing_approved_is_not_available(
    event: dict[str, Any], context: Any, stub: Stubber, emitted_metrics: Callable[[], dict[str, float]]
) -> None:
    stub.add_response("list_model_packages", {"ModelPackageSummaryList": []})
    assert function.handler(event, context) == {
        "available": False, "train": True, "train_because": "no model has been approved",
    }  # fmt: skip
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
    missing = "column_checksum, model_version, training_data_sha256"
    with pytest.raises(ModelError, match=f"buyer-stage-test/1 was registered without {missing}"):
        function.handler(event, context)


def test_other_refusals_of_sagemaker_keep_their_name(
    event: dict[str, Any], context: Any, stub: Stubber, registered: Registered
) -> None:
    find(stub, registered(1), ModelApprovalStatus="Approved")
    stub.add_client_error("describe_model", "AccessDeniedException", "not allowed", http_status_code=400)
    with pytest.raises(ClientError, match="AccessDeniedException"):
        function.handler(event, context)
