"""A mocked AWS, the functions' environment and the sample events.

The functions read their environment when they are imported, so the environment is set outside any fixture.
"""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from buyer_stage.domain.features import MODEL_FEATURES, column_checksum
from tests.function_environment import FUNCTION_ENVIRONMENT, REGION
from tools.repository import REPOSITORY

BUCKET = FUNCTION_ENVIRONMENT["PIPELINE_BUCKET"]
EVENTS = REPOSITORY / "tests/events"

os.environ.update(FUNCTION_ENVIRONMENT)

s3 = boto3.client("s3")  # one for all tests: making a client takes longer than most of them


@dataclass
class Context:
    """The part of a Lambda context that Powertools reads."""

    function_name: str = "function"
    memory_limit_in_mb: int = 128
    invoked_function_arn: str = f"arn:aws:lambda:{REGION}:123456789012:function:function"
    aws_request_id: str = "11111111-2222-3333-4444-555555555555"


@pytest.fixture
def context() -> Context:
    """A Lambda context."""
    return Context()


@pytest.fixture
def event(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The sample event of the function that the test module is named after."""
    name = Path(request.path).stem.removeprefix("test_")
    sample: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return sample


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    """A mocked AWS with an empty pipeline bucket."""
    with mock_aws():
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        yield


@pytest.fixture
def put(aws: None) -> Callable[[str, str], None]:
    """Write text under a key of the pipeline bucket."""

    def put_text(key: str, text: str) -> None:
        s3.put_object(Bucket=BUCKET, Key=key, Body=text.encode())

    return put_text


@pytest.fixture
def emitted_metrics(capsys: pytest.CaptureFixture[str]) -> Callable[[], dict[str, float]]:
    """Return the metrics printed for CloudWatch since the last call, by name; each must have one value."""

    def read() -> dict[str, float]:
        metrics: dict[str, float] = {}
        for line in capsys.readouterr().out.splitlines():
            if line.startswith('{"_aws"'):
                document = json.loads(line)
                (directive,) = document["_aws"]["CloudWatchMetrics"]
                for name in (metric["Name"] for metric in directive["Metrics"]):
                    assert name not in metrics, f"{name} was emitted by two calls"
                    (metrics[name],) = document[name]
        return metrics

    return read


@pytest.fixture
def automl_job(event: dict[str, Any]) -> dict[str, Any]:
    """The event's Autopilot job as SageMaker describes a running one; moto has neither its end nor its candidates."""
    created = datetime(2020, 2, 1, 10, tzinfo=UTC)
    name = event.get("automl_job_name", "buy-test-6db49f34ea-1")
    data_source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/train/csv/"}}
    return {
        "AutoMLJobName": name,
        "AutoMLJobArn": f"arn:aws:sagemaker:{REGION}:123456789012:automl-job/{name}",
        "AutoMLJobInputDataConfig": [{"ChannelType": "training", "DataSource": data_source}],
        "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/sagemaker-automl/output/"},
        "RoleArn": os.environ["SAGEMAKER_ROLE_ARN"],
        "CreationTime": created,
        "LastModifiedTime": created,
        "AutoMLJobStatus": "InProgress",
        "AutoMLJobSecondaryStatus": "TrainingModels",
    }


END = datetime(2020, 2, 1, 12, 30, tzinfo=UTC)
IMAGE = "123456789012.dkr.ecr.us-west-2.amazonaws.com/image:1"
RESPONSE_KEYS = "predicted_label,labels,probabilities"


def container(name: str, **environment: str) -> dict[str, Any]:
    """An inference container of a candidate."""
    return {"Image": IMAGE, "ModelDataUrl": f"s3://bucket/{name}.tar.gz", "Environment": environment}


@pytest.fixture
def completed_job(automl_job: dict[str, Any]) -> dict[str, Any]:
    """The event's Autopilot job as SageMaker describes a completed one."""
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
        "InferenceContainers": [
            container("features", NAME="features"),
            container("algorithm", SAGEMAKER_INFERENCE_SUPPORTED=RESPONSE_KEYS),
            container("labels", SAGEMAKER_INFERENCE_SUPPORTED="predicted_label, probability, labels, probabilities"),
        ],
    }
    status = {"AutoMLJobStatus": "Completed", "AutoMLJobSecondaryStatus": "Completed"}
    return {**automl_job, **status, "EndTime": END, "BestCandidate": best}


@pytest.fixture
def registered(aws: None) -> Callable[..., dict[str, Any]]:
    """Return a model package as SageMaker describes it."""

    def describe(number: int, created: datetime = END, **properties: str) -> dict[str, Any]:
        arn = f"arn:aws:sagemaker:{REGION}:123456789012:model-package/buyer-stage-test/{number}"
        known = {
            "model_version": f"buy-test-0123456789-{number}",
            "column_checksum": column_checksum(MODEL_FEATURES),
        }
        return {
            "ModelPackageName": arn,
            "ModelPackageArn": arn,
            "ModelPackageStatus": "Completed",
            "ModelPackageStatusDetails": {"ValidationStatuses": []},
            "CreationTime": created,
            "ModelApprovalStatus": "Approved",
            "ModelPackageDescription": "clearly better",
            "CustomerMetadataProperties": {**known, **properties},
        }

    return describe
