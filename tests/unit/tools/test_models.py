"""A model of the registry is chosen by its version or by its status, and deleted with what could restore it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from moto import mock_aws

from tests.function_environment import FUNCTION_ENVIRONMENT, REGION
from tools.models import Model, NoSuchModelError, choose, delete


def model(number: int, status: str) -> Model:
    created = datetime(2026, 5, number, tzinfo=UTC)
    return Model(f"arn:{number}", number, status, "", created, {"model_version": f"automl-{number}"})


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


VERSION = "buy-dev-0123456789-1"
DELETED = Model(
    "arn:aws:sagemaker:us-west-2:123456789012:model-package/buyer-stage-dev/1",
    1,
    "Approved",
    "",
    datetime(2026, 5, 1, tzinfo=UTC),
    {"model_version": VERSION},
)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A bucket with the output of this Autopilot job and of another one."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, FUNCTION_ENVIRONMENT[name])
    with mock_aws():
        created = boto3.resource("s3").create_bucket(
            Bucket="pipeline", CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        for version in (VERSION, f"{VERSION}1"):
            created.put_object(Key=f"output/{version}/model.tar.gz", Body=b"model")
        yield created


@pytest.fixture
def stub(bucket: Any) -> Iterator[Stubber]:
    """A stub of SageMaker, which has the job."""
    now = datetime(2026, 5, 1, tzinfo=UTC)
    job = {
        "AutoMLJobName": VERSION,
        "AutoMLJobArn": f"arn:aws:sagemaker:us-west-2:123456789012:automl-job/{VERSION}",
        "AutoMLJobInputDataConfig": [{}],
        "OutputDataConfig": {"S3OutputPath": "s3://pipeline/output/"},
        "RoleArn": FUNCTION_ENVIRONMENT["SAGEMAKER_ROLE_ARN"],
        "CreationTime": now,
        "LastModifiedTime": now,
        "AutoMLJobStatus": "Completed",
        "AutoMLJobSecondaryStatus": "Completed",
    }
    with Stubber(boto3.client("sagemaker")) as stubber:
        stubber.add_response("describe_auto_ml_job_v2", job, {"AutoMLJobName": VERSION})
        yield stubber
        stubber.assert_no_pending_responses()


def test_deleted_model_leaves_nothing_that_an_execution_could_resume(bucket: Any, stub: Stubber) -> None:
    stub.add_response("delete_model", {}, {"ModelName": VERSION})
    stub.add_response("delete_model_package", {}, {"ModelPackageName": DELETED.package_arn})
    delete(stub.client, boto3.resource("s3"), DELETED)
    assert [each.key for each in bucket.objects.all()] == [f"output/{VERSION}1/model.tar.gz"]


def test_model_that_was_deleted_in_part_can_be_deleted_again(bucket: Any, stub: Stubber) -> None:
    bucket.objects.filter(Prefix=f"output/{VERSION}/").delete()
    stub.add_client_error("delete_model", "ValidationException", "Could not find model")
    stub.add_response("delete_model_package", {}, {"ModelPackageName": DELETED.package_arn})
    delete(stub.client, boto3.resource("s3"), DELETED)


def test_model_that_cannot_be_deleted_stays_listed(stub: Stubber) -> None:
    stub.add_client_error("delete_model", "AccessDeniedException", "not allowed")
    with pytest.raises(ClientError, match="not allowed"):
        delete(stub.client, boto3.resource("s3"), DELETED)
