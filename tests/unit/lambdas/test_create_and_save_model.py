"""A new model is judged on the holdout and registered with the verdict."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.stub import ANY, Stubber

from buyer_stage.domain.documents import to_json
from buyer_stage.domain.errors import LabeledSetError, ModelError
from buyer_stage.domain.features import MODEL_FEATURES, column_checksum
from lambdas.create_and_save_model import handler as function
from tests.holdout import BETTER, GOOD, SURE_AND_WRONG, UNINFORMED, split_file
from tests.labeled_set_manifest import MANIFEST

Put = Callable[[str, str], None]
CARD = "best-model/buy-test-6db49f34ea-1/card.json"
BASELINE = "best-model/buy-test-6db49f34ea-1/drift_baseline.json"
PACKAGE = {"ModelPackageArn": "arn:aws:sagemaker:us-west-2:123456789012:model-package/buyer-stage-test/1"}


def put_holdout(put: Put, transform_job_name: str, scored_lines: list[str]) -> None:
    key = f"best-model/holdout/{transform_job_name}/part-00000.csv.out"
    put(key, "\n".join(scored_lines) + "\n")


@pytest.fixture
def labeled_set(put: Put) -> None:
    """The labeled set that the model was trained on."""
    for split in ("train", "validation", "test"):
        put(f"{split}/with-members/part-00000.csv", "\n".join(split_file(split)) + "\n")
    put("train/manifest.json", to_json(MANIFEST))


@pytest.fixture
def stub(completed_job: dict[str, Any]) -> Iterator[Stubber]:
    """A stub between the function and SageMaker, which has the completed job and no model of it."""
    with Stubber(function.sagemaker) as stubber:
        stubber.add_response("describe_auto_ml_job_v2", completed_job)
        expected = {"ModelPackageGroupName": "buyer-stage-test", "CreationTimeAfter": completed_job["CreationTime"]}
        stubber.add_response("list_model_packages", {"ModelPackageSummaryList": []}, expected)
        yield stubber
        stubber.assert_no_pending_responses()


@dataclass(frozen=True, eq=False)
class Starting:
    """Equals every text that starts in this way."""

    start: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and other.startswith(self.start)


def expect_registration(stub: Stubber, status: str, description: str = "") -> None:
    keys = "predicted_label,labels,probabilities"
    expected = {
        "ClientToken": "buy-test-6db49f34ea-1",
        "ModelPackageGroupName": "buyer-stage-test",
        "ModelPackageDescription": Starting(description),
        "ModelApprovalStatus": status,
        "InferenceSpecification": {
            "Containers": [
                {"Image": ANY, "ModelDataUrl": "s3://bucket/features.tar.gz", "Environment": {"NAME": "features"}},
                {"Image": ANY, "ModelDataUrl": "s3://bucket/algorithm.tar.gz", "Environment": ANY},
                {
                    "Image": ANY,
                    "ModelDataUrl": "s3://bucket/labels.tar.gz",
                    "Environment": {
                        "SAGEMAKER_INFERENCE_SUPPORTED": "predicted_label, probability, labels, probabilities",
                        "SAGEMAKER_INFERENCE_INPUT": keys,
                        "SAGEMAKER_INFERENCE_OUTPUT": keys,
                    },
                },
            ],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        "ModelMetrics": {
            "ModelQuality": {
                "Statistics": {"ContentType": "application/json", "S3Uri": f"s3://buyer-stage-pipeline/{CARD}"}
            }
        },
        "CustomerMetadataProperties": {
            "model_version": "buy-test-6db49f34ea-1",
            "column_checksum": column_checksum(MODEL_FEATURES),
        },
    }
    stub.add_response("create_model_package", PACKAGE, expected)


def text_of(key: str) -> str:
    body: bytes = function.s3.get_object(Bucket="buyer-stage-pipeline", Key=key)["Body"].read()
    return body.decode()


def card() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(text_of(CARD))
    return content


@pytest.mark.usefixtures("labeled_set")
def test_model_that_is_better_than_no_model_is_registered_as_approved(
    event: dict[str, Any],
    context: Any,
    put: Put,
    stub: Stubber,
    emitted_metrics: Callable[[], dict[str, float]],
) -> None:
    put_holdout(put, event["transform_job_names"][0], GOOD)
    expect_registration(stub, "Approved", "better than no model beyond the interval: macro_f1 +0.9")
    result = function.handler(event, context)
    written = card()
    assert result == {
        "available": True,
        "model_version": "buy-test-6db49f34ea-1",
        "decision": "Approved",
        "reason": "model buy-test-6db49f34ea-1 has been trained on this labeled set and was approved",
    }
    assert written["verdict"]["decision"] == "Approved"
    assert (written["candidate_name"], written["created_at"]) == ("candidate-7", "2020-02-01T12:30:00+00:00")
    assert written["autopilot_metrics"] == {"F1macro": 0.25, "Accuracy": 0.5, "LogLoss": 1.25}
    assert written["labeled_set"]["answers"] == 300
    assert written["code_version"] == "1a2b3c4d5e6f"
    assert text_of(CARD.replace("json", "md")).startswith(
        "# Model buy-test-6db49f34ea-1\n\n**Approved**: better than no model"
    )
    assert sum(json.loads(text_of(BASELINE))["stages"].values()) == 100
    assert emitted_metrics() == {
        f"Holdout{name.title().replace('_', '')}": metric["value"]
        for name, metric in written["evaluation"]["metrics"].items()
    }
    assert written["evaluation"]["metrics"]["macro_f1"]["value"] == 1


@pytest.mark.usefixtures("labeled_set")
def test_uninformed_model_is_not_available(event: dict[str, Any], context: Any, put: Put, stub: Stubber) -> None:
    put_holdout(put, event["transform_job_names"][0], UNINFORMED)
    expect_registration(stub, "PendingManualApproval")
    result = function.handler(event, context)
    assert (result["available"], result["decision"]) == (False, "PendingManualApproval")
    assert "waits for approval: not clearly better than no model" in result["reason"]
    assert "approve it with `make approve-model`" in result["reason"]


@pytest.mark.usefixtures("labeled_set")
def test_model_that_is_worse_than_no_model_is_registered_as_rejected_and_an_error(
    event: dict[str, Any],
    context: Any,
    put: Put,
    stub: Stubber,
    emitted_metrics: Callable[[], dict[str, float]],
) -> None:
    put_holdout(put, event["transform_job_names"][0], SURE_AND_WRONG)
    expect_registration(stub, "Rejected")
    with pytest.raises(
        ModelError, match=r"worse than no model: its log-loss on 100 unseen members is \d.* training again"
    ):
        function.handler(event, context)
    metrics = emitted_metrics()
    assert (metrics["HoldoutMacroF1"], metrics["HoldoutAccuracy"]) == (0, 0)


@pytest.mark.usefixtures("labeled_set")
@pytest.mark.parametrize(
    ("challenger", "champion", "status"), [(BETTER, GOOD, "Approved"), (GOOD, BETTER, "PendingManualApproval")]
)
def test_challenger_is_compared_with_the_champion(
    event: dict[str, Any],
    context: Any,
    put: Put,
    stub: Stubber,
    challenger: list[str],
    champion: list[str],
    status: str,
) -> None:
    put_holdout(put, event["transform_job_names"][0], challenger)
    put_holdout(put, "of-champion", champion)
    expect_registration(stub, status)
    transforms = [*event["transform_job_names"], "of-champion"]
    compared = {**event, "champion_version": "version-of-champion", "transform_job_names": transforms}
    assert function.handler(compared, context)["decision"] == status
    assert card()["champion_version"] == "version-of-champion"


@pytest.mark.usefixtures("labeled_set")
def test_member_in_two_splits_prevents_registration(
    event: dict[str, Any], context: Any, put: Put, stub: Stubber
) -> None:
    lines = [*split_file("train"), split_file("test")[1]]
    put("train/with-members/part-00000.csv", "\n".join(lines) + "\n")
    put_holdout(put, event["transform_job_names"][0], GOOD)
    with pytest.raises(LabeledSetError, match=r"members in more than one split: 1 \(train and test: 1\)"):
        function.handler(event, context)


def test_missing_manifest_is_an_error_that_names_it(event: dict[str, Any], context: Any, stub: Stubber) -> None:
    with pytest.raises(LabeledSetError, match=r"train/manifest\.json does not exist; build the labeled set again"):
        function.handler(event, context)


@pytest.fixture
def registered_stub(completed_job: dict[str, Any], registered: Callable[..., dict[str, Any]]) -> Iterator[Any]:
    """A stub between the function and SageMaker, which has registered the job's model with a status."""
    with Stubber(function.sagemaker) as stubber:

        def register(status: str) -> None:
            package = {**registered(1, model_version=completed_job["AutoMLJobName"]), "ModelApprovalStatus": status}
            summary = {key: package[key] for key in ("ModelPackageArn", "CreationTime", "ModelPackageStatus")}
            stubber.add_response("describe_auto_ml_job_v2", completed_job)
            stubber.add_response("list_model_packages", {"ModelPackageSummaryList": [summary]})
            stubber.add_response("describe_model_package", package)

        yield register
        stubber.assert_no_pending_responses()


@pytest.mark.parametrize(("status", "available"), [("Approved", True), ("PendingManualApproval", False)])
def test_model_that_is_registered_keeps_its_status_and_is_not_judged_again(
    event: dict[str, Any], context: Any, registered_stub: Callable[[str], None], status: str, available: bool
) -> None:
    registered_stub(status)
    result = function.handler(event, context)
    assert (result["available"], result["decision"]) == (available, status)


def test_model_that_is_registered_as_rejected_stays_an_error(
    event: dict[str, Any], context: Any, registered_stub: Callable[[str], None]
) -> None:
    registered_stub("Rejected")
    with pytest.raises(ModelError, match="was rejected: clearly better"):
        function.handler(event, context)
