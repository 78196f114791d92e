"""The best candidate becomes a model that answers label and probabilities, and the pointer names it."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from buyer_stage.errors import ModelError
from buyer_stage.features import MODEL_FEATURES, column_checksum
from buyer_stage.job_names import job_name
from lambdas.create_and_save_model import handler as function

END = datetime(2020, 2, 1, 12, 30, tzinfo=UTC)
BUCKET = function.variables.pipeline_bucket
POINTER_KEY = "best-model/model.json"
MODEL_ARN = {"ModelArn": "arn:aws:sagemaker:us-west-2:123456789012:model/model"}
IMAGE = "123456789012.dkr.ecr.us-west-2.amazonaws.com/image:1"
KEYS = "predicted_label,labels,probabilities"


def container(name: str, **environment: str) -> dict[str, Any]:
    """One of a candidate's inference containers."""
    return {"Image": IMAGE, "ModelDataUrl": f"s3://bucket/{name}.tar.gz", "Environment": environment}


CONTAINERS = [
    container("features", NAME="features"),
    container("algorithm", SAGEMAKER_INFERENCE_SUPPORTED=KEYS),
    container("labels", SAGEMAKER_INFERENCE_SUPPORTED="predicted_label, probability, labels, probabilities"),
]


@pytest.fixture
def completed_job(automl_job: dict[str, Any]) -> dict[str, Any]:
    """The event's Autopilot job as SageMaker describes it at its end."""
    best = {
        "CandidateName": "candidate-7",
        "CandidateStatus": "Completed",
        "CandidateSteps": [],
        "CreationTime": END,
        "LastModifiedTime": END,
        "ObjectiveStatus": "Succeeded",
        "FinalAutoMLJobObjectiveMetric": {"MetricName": "F1macro", "Value": 0.25},
        "CandidateProperties": {
            "CandidateMetrics": [
                {"MetricName": "Accuracy", "Set": "Validation", "Value": 0.5},
                {"MetricName": "Accuracy", "StandardMetricName": "LogLoss", "Set": "Validation", "Value": 1.25},
                {"MetricName": "F1macro", "StandardMetricName": "F1macro", "Set": "Train", "Value": 0.75},
            ]
        },
        "InferenceContainers": CONTAINERS,
    }
    return {**automl_job, "AutoMLJobStatus": "Completed", "EndTime": END, "BestCandidate": best}


@pytest.fixture
def stub() -> Iterator[Stubber]:
    """Stands between the function and SageMaker."""
    with Stubber(function.sagemaker) as stubber:
        yield stubber


def pointer() -> bytes:
    """What was written to the pointer's key."""
    body: bytes = function.s3.get_object(Bucket=BUCKET, Key=POINTER_KEY)["Body"].read()
    return body


def test_model_answers_label_and_probabilities_through_all_its_containers(
    event: dict[str, Any], context: Any, completed_job: dict[str, Any], stub: Stubber
) -> None:
    features, algorithm, labels = CONTAINERS
    expected = {
        "ModelName": job_name("buyer-stage-model", event["execution_name"]),
        "ExecutionRoleArn": function.variables.sagemaker_role_arn,
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
    stub.add_response("describe_auto_ml_job_v2", completed_job, {"AutoMLJobName": event["automl_job_name"]})
    stub.add_response("create_model", MODEL_ARN, {**expected, "EnableNetworkIsolation": True})
    function.handler(event, context)
    stub.assert_no_pending_responses()


def test_pointer_names_model_metrics_and_columns(
    event: dict[str, Any],
    context: Any,
    completed_job: dict[str, Any],
    stub: Stubber,
    emitted_metrics: Callable[[], dict[str, float]],
) -> None:
    stub.add_response("describe_auto_ml_job_v2", completed_job)
    stub.add_response("create_model", MODEL_ARN)
    answer = function.handler(event, context)
    assert answer == {
        "model_name": job_name("buyer-stage-model", event["execution_name"]),
        "model_version": event["automl_job_name"],
    }
    assert json.loads(pointer()) == {
        **answer,
        "candidate_name": "candidate-7",
        "validation_metrics": {"F1macro": 0.25, "Accuracy": 0.5, "LogLoss": 1.25},
        "column_checksum": column_checksum(MODEL_FEATURES),
        "created_at": "2020-02-01T12:30:00+00:00",
    }
    assert emitted_metrics() == {"ValidationF1macro": 0.25, "ValidationAccuracy": 0.5, "ValidationLogLoss": 1.25}


def test_retry_finds_the_model_and_writes_the_same_pointer(
    event: dict[str, Any], context: Any, completed_job: dict[str, Any], stub: Stubber
) -> None:
    stub.add_response("describe_auto_ml_job_v2", completed_job)
    stub.add_response("create_model", MODEL_ARN)
    first_answer, first_pointer = function.handler(event, context), pointer()

    stub.add_response("describe_auto_ml_job_v2", completed_job)
    message = f'Cannot create already existing model "{MODEL_ARN["ModelArn"]}".'
    stub.add_client_error("create_model", "ValidationException", message, http_status_code=400)
    assert (function.handler(event, context), pointer()) == (first_answer, first_pointer)


def test_other_refusals_of_sagemaker_leave_no_pointer(
    event: dict[str, Any], context: Any, completed_job: dict[str, Any], stub: Stubber
) -> None:
    stub.add_response("describe_auto_ml_job_v2", completed_job)
    stub.add_client_error("create_model", "ValidationException", "no such image", http_status_code=400)
    with pytest.raises(ClientError, match="no such image"):
        function.handler(event, context)
    assert "Contents" not in function.s3.list_objects_v2(Bucket=BUCKET)


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


@pytest.mark.parametrize(
    "containers",
    [
        [],
        [container("algorithm")],
        [container("algorithm", SAGEMAKER_INFERENCE_SUPPORTED="predicted_label,probability")],
    ],
)
def test_candidate_that_cannot_answer_probabilities_is_an_error(
    event: dict[str, Any],
    context: Any,
    completed_job: dict[str, Any],
    stub: Stubber,
    containers: list[dict[str, Any]],
) -> None:
    completed_job["BestCandidate"]["InferenceContainers"] = containers
    stub.add_response("describe_auto_ml_job_v2", completed_job)
    with pytest.raises(ModelError, match="predicted_label, labels, probabilities are needed"):
        function.handler(event, context)
