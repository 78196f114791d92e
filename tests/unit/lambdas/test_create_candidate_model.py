"""The best candidate becomes a model that outputs stage and probabilities, and two transforms score the holdout."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import ANY, Stubber

from buyer_stage.domain.documents import to_json
from buyer_stage.domain.errors import ModelError
from lambdas.create_candidate_model import handler as function
from tests.labeled_set_manifest import MANIFEST

MODEL_ARN = {"ModelArn": "arn:aws:sagemaker:us-west-2:123456789012:model/model"}
TRANSFORM_ARN = "arn:aws:sagemaker:us-west-2:123456789012:transform-job/job"
ANY_TRANSFORM = dict.fromkeys(
    [
        "TransformJobName", "ModelName", "BatchStrategy", "TransformInput", "TransformOutput", "TransformResources",
        "DataProcessing", "Tags",
    ],
    ANY,
)  # fmt: skip
KEYS = "predicted_label,labels,probabilities"
Metrics = Callable[[], dict[str, float]]


@pytest.fixture(autouse=True)
def labeled_set(put: Callable[[str, str], None]) -> None:
    """The labeled set and the only file of its holdout."""
    put("train/manifest.json", to_json(MANIFEST))
    put("test/no-target/part-00000.csv", "0")


@pytest.fixture
def stub() -> Iterator[Stubber]:
    """A stub between the function and SageMaker."""
    with Stubber(function.sagemaker) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def score_holdout(stub: Stubber, **request: Any) -> None:
    """Expect a transform of the holdout that no attempt has started before."""
    stub.add_client_error("describe_transform_job", "ValidationException", "Could not find requested job")
    stub.add_response("create_transform_job", {"TransformJobArn": TRANSFORM_ARN}, {**ANY_TRANSFORM, **request})


def no_champion(stub: Stubber) -> None:
    expected = {
        "ModelPackageGroupName": "buyer-stage-test", "ModelApprovalStatus": "Approved", "SortBy": "CreationTime",
        "SortOrder": "Descending", "MaxResults": 1,
    }  # fmt: skip
    stub.add_response("list_model_packages", {"ModelPackageSummaryList": []}, expected)


def test_model_outputs_stage_and_probabilities_through_all_its_containers(
    event: dict[str, Any], context: Any, completed_job: dict[str, Any], stub: Stubber
) -> None:
    features, algorithm, labels = completed_job["BestCandidate"]["InferenceContainers"]
    expected = {
        "ModelName": event["automl_job_name"],
        "ExecutionRoleArn": function.variables.sagemaker_role_arn,
        "EnableNetworkIsolation": True,
        "Tags": function.variables.resource_tags(),
        "Containers": [
            features,
            {**algorithm, "Environment": {**algorithm["Environment"], "SAGEMAKER_INFERENCE_OUTPUT": KEYS}},
            {
                **labels,
                "Environment": {
                    **labels["Environment"],
                    "SAGEMAKER_INFERENCE_INPUT": KEYS,
                    "SAGEMAKER_INFERENCE_OUTPUT": KEYS,
                },
            },
        ],
    }
    stub.add_response("describe_auto_ml_job_v2", completed_job)
    stub.add_response("create_model", MODEL_ARN, expected)
    no_champion(stub)
    score_holdout(stub)
    function.handler(event, context)


def test_first_model_scores_the_holdout_alone(
    event: dict[str, Any], context: Any, completed_job: dict[str, Any], stub: Stubber, emitted_metrics: Metrics
) -> None:
    stub.add_response("describe_auto_ml_job_v2", completed_job)
    stub.add_response("create_model", MODEL_ARN)
    no_champion(stub)
    score_holdout(
        stub,
        ModelName=event["automl_job_name"],
        TransformInput={
            "DataSource": {
                "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://buyer-stage-pipeline/test/no-target/part-"}
            },
            "ContentType": "text/csv",
            "SplitType": "Line",
        },
        DataProcessing={"InputFilter": "$[0:]", "JoinSource": "Input", "OutputFilter": "$[-3,-2,-1]"},
    )
    result = function.handler(event, context)
    assert emitted_metrics() == {"ChampionsChallenged": 0}
    assert result["champion_version"] is None
    (transform,) = result["transform_job_names"]
    assert transform.startswith("buy-test-holdout-")


def test_champion_scores_the_same_rows(
    event: dict[str, Any],
    context: Any,
    completed_job: dict[str, Any],
    stub: Stubber,
    registered: Callable[..., dict[str, Any]],
    emitted_metrics: Metrics,
) -> None:
    package = registered(3)
    summary = {
        "ModelPackageArn": package["ModelPackageArn"],
        "CreationTime": package["CreationTime"],
        "ModelPackageStatus": "Completed",
    }
    stub.add_response("describe_auto_ml_job_v2", completed_job)
    stub.add_response("create_model", MODEL_ARN)
    stub.add_response("list_model_packages", {"ModelPackageSummaryList": [summary]})
    stub.add_response("describe_model_package", package)
    score_holdout(stub, ModelName=event["automl_job_name"])
    score_holdout(stub, ModelName="buy-test-0123456789-3")
    result = function.handler(event, context)
    assert emitted_metrics() == {"ChampionsChallenged": 1}
    assert result["champion_version"] == "buy-test-0123456789-3"
    assert len(set(result["transform_job_names"])) == 2
    assert result["new_transform_job_names"] == result["transform_job_names"]


def test_retry_finds_the_model_that_was_created(
    event: dict[str, Any], context: Any, completed_job: dict[str, Any], stub: Stubber
) -> None:
    stub.add_response("describe_auto_ml_job_v2", completed_job)
    stub.add_response("create_model", MODEL_ARN)
    no_champion(stub)
    score_holdout(stub)
    first = function.handler(event, context)

    stub.add_response("describe_auto_ml_job_v2", completed_job)
    message = f'Cannot create already existing model "{MODEL_ARN["ModelArn"]}".'
    stub.add_client_error("create_model", "ValidationException", message, http_status_code=400)
    no_champion(stub)
    score_holdout(stub)
    assert function.handler(event, context) == first


def test_other_sagemaker_errors_keep_their_name(
    event: dict[str, Any], context: Any, completed_job: dict[str, Any], stub: Stubber
) -> None:
    stub.add_response("describe_auto_ml_job_v2", completed_job)
    stub.add_client_error("create_model", "ValidationException", "no such image", http_status_code=400)
    with pytest.raises(ClientError, match="no such image"):
        function.handler(event, context)


def test_job_that_is_not_complete_is_an_error(
    event: dict[str, Any], context: Any, completed_job: dict[str, Any], stub: Stubber
) -> None:
    stopped = {"AutoMLJobStatus": "Stopped", "AutoMLJobSecondaryStatus": "Stopped"}
    stub.add_response("describe_auto_ml_job_v2", {**completed_job, **stopped})
    with pytest.raises(ModelError, match="is Stopped"):
        function.handler(event, context)


def test_job_that_its_time_limit_stopped_has_a_model(
    event: dict[str, Any], context: Any, completed_job: dict[str, Any], stub: Stubber
) -> None:
    status = {"AutoMLJobStatus": "Stopped", "AutoMLJobSecondaryStatus": "MaxAutoMLJobRuntimeReached"}
    stub.add_response("describe_auto_ml_job_v2", {**completed_job, **status})
    stub.add_response("create_model", MODEL_ARN)
    no_champion(stub)
    score_holdout(stub)
    function.handler(event, context)


def test_job_without_candidate_is_an_error(
    event: dict[str, Any], context: Any, completed_job: dict[str, Any], stub: Stubber
) -> None:
    del completed_job["BestCandidate"]
    stub.add_response("describe_auto_ml_job_v2", completed_job)
    with pytest.raises(ModelError, match="no best candidate"):
        function.handler(event, context)


@pytest.mark.parametrize("supported", [None, "predicted_label,probability"])
def test_candidate_without_probabilities_is_an_error(
    event: dict[str, Any], context: Any, completed_job: dict[str, Any], stub: Stubber, supported: str | None
) -> None:
    container = completed_job["BestCandidate"]["InferenceContainers"][0]
    container["Environment"] = {} if supported is None else {"SAGEMAKER_INFERENCE_SUPPORTED": supported}
    completed_job["BestCandidate"]["InferenceContainers"] = [container]
    stub.add_response("describe_auto_ml_job_v2", completed_job)
    with pytest.raises(ModelError, match="the pipeline needs predicted_label, labels, probabilities"):
        function.handler(event, context)
