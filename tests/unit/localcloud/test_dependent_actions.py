"""Tests of the table of dependent actions."""

from typing import Any

import pytest

from localcloud.policies.dependent_actions import Acting, as_arn, find_requirements

FACTS: dict[str, Any] = {
    "resource": "arn:of:the:resource", "account": "111122223333", "region": "us-west-2", "user_agent": "Boto3",
}  # fmt: skip
TAGS = [{"Key": "product", "Value": "buyer-stage"}]
IMAGE = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-sklearn-automl:2.5"
REPOSITORY = "arn:aws:ecr:us-west-2:246618743249:repository/sagemaker-sklearn-automl"


def needed(action: str, acting: Acting = "caller", **facts: Any) -> set[tuple[str, str]]:
    return {(found.action, found.resource) for found in find_requirements(action, {**FACTS, **facts}, acting)}


@pytest.mark.parametrize("operation", ["CreateAutoMLJobV2", "CreateModel", "CreateTransformJob"])
def test_only_a_creation_with_tags_needs_the_right_to_tag(operation: str) -> None:
    tagging = ("sagemaker:AddTags", "arn:of:the:resource")
    assert tagging in needed(f"sagemaker:{operation}", request={"Tags": TAGS})
    assert tagging not in needed(f"sagemaker:{operation}", request={"Tags": []})


def test_task_that_waits_for_a_transform_needs_the_right_to_tag_without_tags() -> None:
    assert ("sagemaker:AddTags", "arn:of:the:resource") in needed("sagemaker:CreateTransformJob", is_sync=True)


def test_registration_reads_images_and_model_data() -> None:
    containers = [{"Image": IMAGE, "ModelDataUrl": "s3://bucket/model.tar.gz"}]
    found = needed("sagemaker:CreateModelPackage", request={"InferenceSpecification": {"Containers": containers}})
    assert found == {
        ("ecr:BatchGetImage", REPOSITORY),
        ("ecr:DescribeImages", REPOSITORY),
        ("s3:GetObject", "arn:aws:s3:::bucket/model.tar.gz"),
    }


def test_versions_of_a_group_decide_on_listing_them() -> None:
    versions = "arn:aws:sagemaker:us-west-2:111122223333:model-package/stages/*"
    found = needed("sagemaker:ListModelPackages", request={"ModelPackageGroupName": "stages"})
    assert found == {("sagemaker:ListModelPackages", versions)}


def test_only_hadoop_lists_uploads_in_parts() -> None:
    upload = {"bucket": "arn:aws:s3:::bucket", "key": None}
    assert needed("s3:PutObject", **upload) == set()
    assert needed("s3:PutObject", **upload, user_agent="Boto3 Hadoop 3.4.1") == {
        ("s3:ListBucketMultipartUploads", "arn:aws:s3:::bucket"),
        ("s3:AbortMultipartUpload", "arn:of:the:resource"),
        ("s3:ListMultipartUploadParts", "arn:of:the:resource"),
    }


def test_missing_object_needs_the_right_to_list_and_no_key() -> None:
    read = {"bucket": "arn:aws:s3:::bucket", "key": "arn:of:the:key"}
    assert needed("s3:GetObject", **read, is_missing=True) == {("s3:ListBucket", "arn:aws:s3:::bucket")}
    assert needed("s3:GetObject", **read, is_missing=False) == {("kms:Decrypt", "arn:of:the:key")}


def test_job_needs_other_rights_than_the_caller_who_starts_it() -> None:
    group = {"log_group": "/aws/lambda/f"}
    logs = "arn:aws:logs:us-west-2:111122223333:log-group:/aws/lambda/f:*"
    assert needed("lambda:InvokeFunction", job=group) == set()
    assert needed("lambda:InvokeFunction", "job", job=group) == {
        ("logs:CreateLogStream", logs),
        ("logs:PutLogEvents", logs),
    }


@pytest.mark.parametrize(
    ("name", "arn"),
    [
        (IMAGE, REPOSITORY),
        (IMAGE.replace(":2.5", "@sha256:0123"), REPOSITORY),
        ("s3://bucket/key", "arn:aws:s3:::bucket/key"),
        ("arn:aws:iam::111122223333:role/r", "arn:aws:iam::111122223333:role/r"),
    ],
)
def test_names_of_resources_become_arns(name: str, arn: str) -> None:
    assert as_arn(name) == arn
