"""A transform is named after its work: a running one is joined, a complete one is reused, any other is repeated."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from buyer_stage.domain.errors import InvalidInputError
from lambdas.start_batch_transformation import handler as function


@pytest.fixture
def describe_as(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let SageMaker describe all transforms with a status; moto's transforms complete at once."""
    describe = function.sagemaker.describe_transform_job

    def set_status(status: str) -> None:
        monkeypatch.setattr(
            function.sagemaker,
            "describe_transform_job",
            lambda **request: {**describe(**request), "TransformJobStatus": status},
        )

    return set_status


@pytest.fixture(autouse=True)
def part_files(put: Callable[[str, str], None]) -> None:
    """Two part files and the manifest, which is not an input."""
    for name in ("part-a.csv", "part-b.csv", "manifest.json"):
        put(f"inputs/2020/01/30/{name}", "m1")


def write_output(put: Callable[[str, str], None], job_name: str, *names: str) -> None:
    for name in names:
        put(f"inference-results/2020/01/30/{job_name}/{name}", "m1")


def test_transform_reads_the_part_files_and_joins_the_prediction_to_the_member(
    event: dict[str, Any], context: Any, emitted_metrics: Callable[[], dict[str, float]]
) -> None:
    name = function.handler(event, context)["transform_job_name"]
    assert emitted_metrics() == {"TransformJobsStarted": 1}
    assert name.startswith("buy-test-transform-")

    job = function.sagemaker.describe_transform_job(TransformJobName=name)
    assert job["ModelName"] == event["model_version"]
    assert job["BatchStrategy"] == "MultiRecord"
    assert not {"MaxPayloadInMB", "MaxConcurrentTransforms"} & job.keys()
    assert job["TransformInput"] == {
        "DataSource": {
            "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://buyer-stage-pipeline/inputs/2020/01/30/part-"}
        },
        "ContentType": "text/csv",
        "SplitType": "Line",
    }
    assert job["TransformOutput"] == {
        "S3OutputPath": f"s3://buyer-stage-pipeline/inference-results/2020/01/30/{name}/",
        "Accept": "text/csv",
        "AssembleWith": "Line",
        "KmsKeyId": function.variables.kms_key_arn,
    }
    assert job["TransformResources"] == {
        "InstanceType": "ml.m5.xlarge",
        "InstanceCount": 4,
        "VolumeKmsKeyId": function.variables.kms_key_arn,
    }
    assert job["DataProcessing"] == {
        "InputFilter": "$[4:]",
        "JoinSource": "Input",
        "OutputFilter": "$[0,-3,-2,-1]",
    }
    assert function.sagemaker.list_tags(ResourceArn=job["TransformJobArn"])["Tags"] == [
        {"Key": "environment", "Value": "test"},
        {"Key": "product", "Value": "buyer-stage"},
        {"Key": "input_files", "Value": "2"},
    ]


@pytest.mark.parametrize("status", ["InProgress", "Stopping"])
def test_running_transform_is_joined(
    event: dict[str, Any],
    context: Any,
    emitted_metrics: Callable[[], dict[str, float]],
    describe_as: Callable[[str], None],
    status: str,
) -> None:
    first = function.handler(event, context)
    assert (first["is_new"], emitted_metrics()) == (True, {"TransformJobsStarted": 1})
    describe_as(status)
    assert function.handler({**event, "execution_name": "second"}, context) == {**first, "is_new": False}
    assert emitted_metrics() == {"TransformJobsStarted": 0}


def test_complete_transform_is_reused_whatever_the_part_files_are_called_now(
    event: dict[str, Any], context: Any, put: Callable[[str, str], None]
) -> None:
    first = function.handler(event, context)
    write_output(put, first["transform_job_name"], "part-a.csv.out", "part-b.csv.out")
    put("inputs/2020/01/30/part-c.csv", "m1")
    assert function.handler(event, context) == {**first, "is_new": False}


def test_transform_whose_output_is_incomplete_is_repeated(
    event: dict[str, Any], context: Any, put: Callable[[str, str], None]
) -> None:
    first = function.handler(event, context)["transform_job_name"]
    write_output(put, first, "part-a.csv.out")
    second = function.handler(event, context)["transform_job_name"]
    assert (first[-2:], second) == ("-1", f"{first[:-2]}-2")


@pytest.mark.parametrize("status", ["Failed", "Stopped"])
def test_failed_transform_is_followed_by_the_next_attempt(
    event: dict[str, Any],
    context: Any,
    put: Callable[[str, str], None],
    describe_as: Callable[[str], None],
    status: str,
) -> None:
    first = function.handler(event, context)["transform_job_name"]
    write_output(put, first, "part-a.csv.out", "part-b.csv.out")
    describe_as(status)
    assert function.handler(event, context)["transform_job_name"] == f"{first[:-2]}-2"
    assert function.handler(event, context)["transform_job_name"] == f"{first[:-2]}-3"


def test_transform_that_another_execution_starts_at_the_same_moment_is_joined(
    event: dict[str, Any],
    context: Any,
    emitted_metrics: Callable[[], dict[str, float]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def be_late(**request: Any) -> None:
        raise function.sagemaker.exceptions.ResourceInUse(
            {"Error": {"Code": "ResourceInUse", "Message": "Job name must be unique"}}, "CreateTransformJob"
        )

    monkeypatch.setattr(function.sagemaker, "create_transform_job", be_late)
    assert function.handler(event, context)["transform_job_name"].endswith("-1")
    assert emitted_metrics() == {"TransformJobsStarted": 0}


@pytest.mark.parametrize(
    "change",
    [{"rows_checksum": "2"}, {"model_version": "buy-test-1111111111-1"}, {"snapshot_date": "20200131"}],
)
def test_other_work_has_another_name(event: dict[str, Any], context: Any, change: dict[str, str]) -> None:
    names = {function.handler({**event, **other}, context)["transform_job_name"] for other in ({}, change)}
    assert len(names) == 2


def test_other_error_of_sagemaker_is_not_hidden(
    event: dict[str, Any], context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deny(**request: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "CreateTransformJob")

    monkeypatch.setattr(function.sagemaker, "create_transform_job", deny)
    with pytest.raises(ClientError, match="AccessDenied"):
        function.handler(event, context)


def test_missing_model_version_is_an_invalid_input(event: dict[str, Any], context: Any) -> None:
    del event["model_version"]
    with pytest.raises(InvalidInputError, match="model_version: Field required"):
        function.handler(event, context)
