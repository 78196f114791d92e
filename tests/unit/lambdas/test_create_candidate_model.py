"""The best candidate becomes a model that outputs stage and probabilities, and two transforms score the holdout."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from buyer_stage.domain.errors import ModelError
from buyer_stage.domain.job_names import job_name
from lambdas.create_candidate_model import handler as function

MODEL_ARN = {"ModelArn": "arn:aws:sagemaker:us-west-2:123456789012:model/model"}
KEYS = "predicted_label,labels,probabilities"
Metrics = Callable[[], dict[str, float]]


@pytest.fixture
def stub() -> Iterator[Stubber]:
    """A stub between the function and SageMaker."""
    with Stubber(function.sagemaker) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


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
        "ModelName": job_name("buyer-stage-model", event["execution_name"]),
        "ExecutionRoleArn": function.variables.sagemaker_role_arn,
        "EnableNetworkIsolation": True,
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
    function.handler(event, context)


def test_first_model_scores_the_holdout_alone(
    event: dict[str, Any], context: Any, completed_job: dict[str, Any], stub: Stubber, emitted_metrics: Metrics
) -> None:
    stub.add_response("describe_auto_ml_job_v2", completed_job)
    stub.add_response("create_model", MODEL_ARN)
    no_champion(stub)
    result = function.handler(event, context)
    assert emitted_metrics() == {"ChampionsChallenged": 0}

    name = job_name("buyer-stage-model", event["execution_name"])
    assert (result["model_name"], result["champion"]) == (name, None)
    (request,) = result["holdout_transforms"]
    assert request["ModelName"] == name
    assert request["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"] == (
        "s3://buyer-stage-pipeline/test/no-target/part-"
    )
    assert request["TransformOutput"]["S3OutputPath"] == (
        f"s3://buyer-stage-pipeline/best-model/holdout/daily-2020-02-01/{name}/"
    )
    assert request["DataProcessing"] == {"InputFilter": "$[0:]", "JoinSource": "Input", "OutputFilter": "$[-3,-2,-1]"}


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
    result = function.handler(event, context)
    assert emitted_metrics() == {"ChampionsChallenged": 1}

    assert result["champion"] == {"model_name": "buyer-stage-model-3", "model_version": "buyer-stage-automl-3"}
    challenger, champion = result["holdout_transforms"]
    assert champion["ModelName"] == "buyer-stage-model-3"
    assert champion["TransformInput"] == challenger["TransformInput"]
    assert champion["TransformJobName"] != challenger["TransformJobName"]
    assert champion["TransformOutput"]["S3OutputPath"] != challenger["TransformOutput"]["S3OutputPath"]


def test_retry_finds_the_model_that_was_created(
    event: dict[str, Any], context: Any, completed_job: dict[str, Any], stub: Stubber
) -> None:
    stub.add_response("describe_auto_ml_job_v2", completed_job)
    stub.add_response("create_model", MODEL_ARN)
    no_champion(stub)
    first = function.handler(event, context)

    stub.add_response("describe_auto_ml_job_v2", completed_job)
    message = f'Cannot create already existing model "{MODEL_ARN["ModelArn"]}".'
    stub.add_client_error("create_model", "ValidationException", message, http_status_code=400)
    no_champion(stub)
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
    stub.add_response("describe_auto_ml_job_v2", {**completed_job, "AutoMLJobStatus": "Stopped"})
    with pytest.raises(ModelError, match="is Stopped"):
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
