"""A new model is judged by members that it never saw, and registered with the verdict."""

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.stub import ANY, Stubber

from buyer_stage.domain.documents import to_json
from buyer_stage.domain.errors import LabeledSetError, ModelError
from buyer_stage.domain.feature_bins import BIN_COUNT
from buyer_stage.domain.features import MODEL_FEATURES, column_checksum
from buyer_stage.domain.labeled_set import SPLIT_FILE_COLUMNS
from buyer_stage.domain.stages import Stage
from lambdas.create_and_save_model import handler as function
from tests.unit.lambdas.labeled_set import MANIFEST

Put = Callable[[str, str], None]
STAGES = [stage.value for stage in Stage]
CARD = "best-model/buyer-stage-automl-6db49f34ea80/card.json"
BASELINE = "best-model/buyer-stage-automl-6db49f34ea80/drift_baseline.json"
PACKAGE = {"ModelPackageArn": "arn:aws:sagemaker:us-west-2:123456789012:model-package/buyer-stage-test/1"}


def record(split: str, rows: int = 100) -> str:
    """A split's record: as many members of each stage, who have done nothing."""
    features = ",".join("0" for _ in MODEL_FEATURES)
    lines = [f"{split}-{number},2020-01-30,{features},{STAGES[number % 4]}" for number in range(rows)]
    return "\n".join([",".join(SPLIT_FILE_COLUMNS), *lines]) + "\n"


def answer(actual: int, right: float) -> str:
    """A model's answer to a row, with a probability for the stage that it is of; the others share the rest."""
    probabilities = [right if index == actual else (1 - right) / 3 for index in range(4)]
    named = STAGES[probabilities.index(max(probabilities))]
    return f'{named},"{STAGES!r}","{probabilities!r}"'


def put_holdout(put: Put, event: dict[str, Any], model_name: str, answers: list[str]) -> None:
    key = f"best-model/holdout/{event['execution_name']}/{model_name}/part-00000.csv.out"
    put(key, "\n".join(answers) + "\n")


GOOD = [answer(number % 4, 0.7) for number in range(100)]
BETTER = [answer(number % 4, 0.9) for number in range(100)]
NO_BETTER_THAN_CHANCE = [answer(number % 4, 0.25) for number in range(100)]
SURE_AND_WRONG = [answer((number + 1) % 4, 0.9) for number in range(100)]
GUESSES = [answer(random.Random(number).randrange(4), 0.26) for number in range(100)]


@pytest.fixture
def labeled_set(put: Put) -> None:
    """The labeled set that the model was made from."""
    for split in ("train", "validation", "test"):
        put(f"{split}/with-members/part-00000.csv", record(split))
    put("train/manifest.json", to_json(MANIFEST))


@pytest.fixture
def stub(completed_job: dict[str, Any]) -> Iterator[Stubber]:
    """Stands between the function and SageMaker, which knows the job."""
    with Stubber(function.sagemaker) as stubber:
        stubber.add_response("describe_auto_ml_job_v2", completed_job)
        yield stubber
        stubber.assert_no_pending_responses()


def expect_registration(stub: Stubber, status: str) -> None:
    expected = {
        "ClientToken": ANY,
        "ModelPackageGroupName": "buyer-stage-test",
        "ModelPackageDescription": ANY,
        "ModelApprovalStatus": status,
        "InferenceSpecification": ANY,
        "ModelMetrics": {
            "ModelQuality": {
                "Statistics": {"ContentType": "application/json", "S3Uri": f"s3://buyer-stage-pipeline/{CARD}"}
            }
        },
        "CustomerMetadataProperties": {
            "model_name": "buyer-stage-model-6db49f34ea80",
            "model_version": "buyer-stage-automl-6db49f34ea80",
            "column_checksum": column_checksum(MODEL_FEATURES),
            "training_data_sha256": "sha256-of-train",
        },
    }
    stub.add_response("create_model_package", PACKAGE, expected)


def written(key: str) -> dict[str, Any]:
    body = function.s3.get_object(Bucket="buyer-stage-pipeline", Key=key)["Body"].read()
    content: dict[str, Any] = json.loads(body)
    return content


def card() -> dict[str, Any]:
    return written(CARD)


def test_first_model_that_is_clearly_better_than_none_is_approved(
    event: dict[str, Any], context: Any, put: Put, labeled_set: None, stub: Stubber
) -> None:
    put_holdout(put, event, event["model_name"], GOOD)
    expect_registration(stub, "Approved")
    result = function.handler(event, context)
    assert (result["available"], result["model_name"]) == (True, "buyer-stage-model-6db49f34ea80")
    model_card = card()
    assert model_card["verdict"]["decision"] == "Approved"
    assert model_card["evaluation"]["metrics"]["macro_f1"]["value"] == 1
    assert model_card["autopilot_metrics"] == {"F1macro": 0.25, "Accuracy": 0.5, "LogLoss": 1.25}
    assert model_card["labeled_set"]["answers"] == 300
    assert model_card["code_version"] == "1a2b3c4d5e6f"
    text = function.s3.get_object(Bucket="buyer-stage-pipeline", Key=CARD.replace("json", "md"))["Body"].read().decode()
    assert text.startswith("# Model buyer-stage-automl-6db49f34ea80\n\n**Approved**: better than no model")


def test_what_later_days_are_compared_with_is_kept(
    event: dict[str, Any], context: Any, put: Put, labeled_set: None, stub: Stubber
) -> None:
    busy = record("train").splitlines()[1].replace("2020-01-30,0", "2020-01-31,1").replace("train-0", "train-99")
    put("train/with-members/part-00000.csv", record("train") + busy + "\n")
    put_holdout(put, event, event["model_name"], [*GOOD[:-1], answer(0, 0.7)])
    expect_registration(stub, "Approved")
    function.handler(event, context)
    baseline = written(BASELINE)
    assert baseline["features"]["rows"] == 100, "a member counts once, as on the last day"
    assert set(baseline["features"]["counts"]) == set(MODEL_FEATURES)
    assert baseline["features"]["counts"][MODEL_FEATURES[0]] == [99, 1, *[0] * (BIN_COUNT - 2)]
    assert baseline["stages"] == {"Dreamer": 26, "Casual Searcher": 25, "Active Searcher": 25, "Ready To Transact": 24}


def test_model_that_guesses_waits_for_a_person(
    event: dict[str, Any], context: Any, put: Put, labeled_set: None, stub: Stubber
) -> None:
    put_holdout(put, event, event["model_name"], NO_BETTER_THAN_CHANCE)
    expect_registration(stub, "PendingManualApproval")
    result = function.handler(event, context)
    assert result["available"] is False
    assert "not clearly better than no model" in str(result["reason"])


@pytest.mark.parametrize("answers", [SURE_AND_WRONG, GUESSES])
def test_model_that_is_worse_than_none_is_registered_as_rejected_and_an_error(
    event: dict[str, Any], context: Any, put: Put, labeled_set: None, stub: Stubber, answers: list[str]
) -> None:
    put_holdout(put, event, event["model_name"], answers)
    expect_registration(stub, "Rejected")
    with pytest.raises(ModelError, match=r"worse than no model: its log-loss on 100 unseen members is \d"):
        function.handler(event, context)


@pytest.mark.parametrize(
    ("challenger", "champion", "status"),
    [(BETTER, GOOD, "Approved"), (GOOD, GOOD, "PendingManualApproval"), (GOOD, BETTER, "PendingManualApproval")],
)
def test_challenger_is_approved_only_when_it_beats_the_champion(
    event: dict[str, Any],
    context: Any,
    put: Put,
    labeled_set: None,
    stub: Stubber,
    challenger: list[str],
    champion: list[str],
    status: str,
) -> None:
    put_holdout(put, event, event["model_name"], challenger)
    put_holdout(put, event, "buyer-stage-model-1", champion)
    expect_registration(stub, status)
    in_use = {"model_name": "buyer-stage-model-1", "model_version": "buyer-stage-automl-1"}
    assert function.handler({**event, "champion": in_use}, context)["decision"] == status
    assert card()["champion_version"] == "buyer-stage-automl-1"


def test_member_in_two_splits_stops_before_anything_is_registered(
    event: dict[str, Any], context: Any, put: Put, labeled_set: None, stub: Stubber
) -> None:
    moved = record("test").splitlines()[1]
    put("train/with-members/part-00000.csv", record("train") + moved + "\n")
    put_holdout(put, event, event["model_name"], GOOD)
    with pytest.raises(LabeledSetError, match=r"members in more than one split: 1 \(train and test: 1\)"):
        function.handler(event, context)


def test_holdout_that_was_not_answered_completely_is_an_error(
    event: dict[str, Any], context: Any, put: Put, labeled_set: None, stub: Stubber
) -> None:
    put_holdout(put, event, event["model_name"], GOOD[:-1])
    with pytest.raises(ModelError, match="returned 99 predictions for the 100 rows"):
        function.handler(event, context)


def test_same_answers_get_the_same_card(
    event: dict[str, Any],
    context: Any,
    put: Put,
    labeled_set: None,
    stub: Stubber,
    completed_job: dict[str, Any],
) -> None:
    put_holdout(put, event, event["model_name"], GOOD)
    expect_registration(stub, "Approved")
    function.handler(event, context)
    first = card()
    stub.add_response("describe_auto_ml_job_v2", completed_job)
    expect_registration(stub, "Approved")
    function.handler(event, context)
    assert card() == first
