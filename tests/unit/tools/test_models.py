"""A model of the registry is chosen by its version or by its status, and deleted with what could restore it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.function_environment import FUNCTION_ENVIRONMENT, REGION
from tools.models import Model, NoSuchModelError, choose, delete, list_models


def model(number: int, status: str) -> Model:
    created = datetime(2026, 5, number, tzinfo=UTC)
    return Model(f"arn:{number}", number, status, "", created, {"model_version": f"automl-{number}"})


ROLE = FUNCTION_ENVIRONMENT["SAGEMAKER_ROLE_ARN"]
MODELS = [model(3, "PendingManualApproval"), model(2, "Approved"), model(1, "Approved")]


def test_newest_model_is_chosen_without_a_version() -> None:
    assert choose(MODELS, None).number == 3


def test_model_in_use_is_the_newest_approved_one() -> None:
    assert choose(MODELS, None, "Approved").number == 2


def test_model_with_the_version_is_chosen_whatever_its_status() -> None:
    assert choose(MODELS, "automl-1", "Approved").number == 1
    assert choose(MODELS, "automl-3", "Approved").number == 3


def test_unknown_version_is_an_error_that_lists_the_registered_models() -> None:
    with pytest.raises(NoSuchModelError, match=r"no model with version automl-9\. Registered models: automl-3 \(Pend"):
        choose(MODELS, "automl-9")


def test_empty_registry_is_an_error() -> None:
    with pytest.raises(NoSuchModelError, match=r"no model with status Approved\. Registered models: none"):
        choose([], None, "Approved")


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A mocked AWS with the output of two Autopilot jobs and a registered model of each."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, FUNCTION_ENVIRONMENT[name])
    with mock_aws():
        sagemaker = boto3.client("sagemaker")
        sagemaker.create_model_package_group(ModelPackageGroupName="buyer-stage-dev")
        bucket = boto3.resource("s3").create_bucket(
            Bucket="pipeline", CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        for version in ("job-1", "job-11"):
            sagemaker.create_auto_ml_job_v2(
                AutoMLJobName=version,
                AutoMLJobInputDataConfig=[{"ChannelType": "training"}],
                OutputDataConfig={"S3OutputPath": "s3://pipeline/output/"},
                AutoMLProblemTypeConfig={
                    "TabularJobConfig": {
                        "TargetAttributeName": "stage",
                        "ProblemType": "MulticlassClassification",
                        "CompletionCriteria": {},
                    }
                },
                RoleArn=ROLE,
            )
            sagemaker.create_model(ModelName=version, ExecutionRoleArn=ROLE)
            sagemaker.create_model_package(
                ModelPackageGroupName="buyer-stage-dev",
                ModelApprovalStatus="Approved",
                CustomerMetadataProperties={"model_version": version},
            )
            bucket.put_object(Key=f"output/{version}/model.tar.gz", Body=b"model")
        yield bucket


def test_deleted_model_leaves_nothing_that_an_execution_could_resume(bucket: Any) -> None:
    sagemaker = boto3.client("sagemaker")
    delete(sagemaker, boto3.resource("s3"), choose(list_models(sagemaker, "dev"), "job-1"))
    assert [each.key for each in bucket.objects.all()] == ["output/job-11/model.tar.gz"]
    assert [each.version for each in list_models(sagemaker, "dev")] == ["job-11"]
    assert [each["ModelName"] for each in sagemaker.list_models()["Models"]] == ["job-11"]


def test_model_that_was_deleted_in_part_can_be_deleted_again(bucket: Any) -> None:
    sagemaker = boto3.client("sagemaker")
    chosen = choose(list_models(sagemaker, "dev"), "job-1")
    bucket.objects.filter(Prefix="output/job-1/").delete()
    sagemaker.delete_model(ModelName="job-1")
    delete(sagemaker, boto3.resource("s3"), chosen)
    assert [each.version for each in list_models(sagemaker, "dev")] == ["job-11"]
