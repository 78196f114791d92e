"""The buckets of the bootstrap are protected, and the data lake can be read."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from buyer_stage.domain.datalake import SURVEY_COLUMNS, SURVEY_KEY, partition_prefix
from buyer_stage.domain.windows import Window
from tools.preflight.result import Result, Status, run
from tools.preflight.storage import NOT_PUBLIC, check_bucket, check_partitions, check_survey

BUCKET = "a-bucket"
DAY = date(2026, 5, 20)
HEADER = ",".join(SURVEY_COLUMNS) + "\n"


@pytest.fixture
def s3() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("s3", region_name="us-west-2")
        client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
        yield client


@pytest.fixture
def protected(s3: Any) -> Any:
    """S3 with a bucket as `terraform/bootstrap` makes it."""
    encryption = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]}
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration=encryption)
    s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=dict.fromkeys(NOT_PUBLIC, True))
    return s3


def checked(s3: Any, bucket: str = BUCKET) -> Result:
    (result,) = check_bucket(s3, "state", bucket, "bootstrap")
    return result


def test_bucket_of_the_bootstrap_passes(protected: Any) -> None:
    assert checked(protected) == Result("state bucket", Status.PASSED, BUCKET)


def test_missing_bucket_fails(s3: Any) -> None:
    result = checked(s3, "no-bucket")
    assert (result.status, result.finding, result.fix) == (Status.FAILED, "no-bucket does not exist", "bootstrap")


def test_bucket_without_versions_fails(protected: Any) -> None:
    protected.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"})
    assert checked(protected).finding == f"{BUCKET} is not versioned"


def test_bucket_without_kms_fails(protected: Any) -> None:
    protected.delete_bucket_encryption(Bucket=BUCKET)
    assert checked(protected).finding == f"{BUCKET} is not encrypted with KMS"


@pytest.mark.parametrize("setting", NOT_PUBLIC)
def test_bucket_that_can_be_public_fails(protected: Any, setting: str) -> None:
    block = {**dict.fromkeys(NOT_PUBLIC, True), setting: False}
    protected.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=block)
    assert checked(protected).finding == f"{BUCKET} does not block public access"


def test_bucket_without_a_public_access_block_fails(protected: Any) -> None:
    protected.delete_public_access_block(Bucket=BUCKET)
    assert checked(protected).finding == f"{BUCKET} does not block public access"


def test_bucket_that_refuses_the_caller_is_unknown(s3: Any) -> None:
    with Stubber(s3) as stub:
        stub.add_client_error("head_bucket", "403", http_status_code=403)
        (result,) = run("state bucket", lambda: check_bucket(s3, "state", BUCKET, "bootstrap"))
    assert (result.status, result.fix) == (Status.UNKNOWN, "use credentials that allow HeadBucket")


def test_snapshot_in_every_table_passes(s3: Any) -> None:
    for window in Window:
        s3.put_object(Bucket=BUCKET, Key=f"{partition_prefix(window, DAY)}/part-00000.parquet", Body=b"rows")
    (result,) = check_partitions(s3, BUCKET, DAY)
    assert (result.status, result.finding) == (Status.PASSED, f"{BUCKET} has snapshot 20260520 in all 5 tables")


def test_missing_and_empty_partitions_fail(s3: Any) -> None:
    first, _, *others = Window
    s3.put_object(Bucket=BUCKET, Key=f"{partition_prefix(first, DAY)}/_SUCCESS", Body=b"")
    for window in others:
        s3.put_object(Bucket=BUCKET, Key=f"{partition_prefix(window, DAY)}/part-00000.parquet", Body=b"rows")
    (result,) = check_partitions(s3, BUCKET, DAY)
    assert result.status is Status.FAILED
    assert result.finding.startswith(f"{BUCKET} has no partition 20260520 in 2 of 5 tables, first ")


def test_missing_data_lake_fails(s3: Any) -> None:
    (result,) = check_partitions(s3, "no-bucket", DAY)
    assert (result.status, result.finding) == (Status.FAILED, "bucket no-bucket does not exist")


def test_survey_with_its_columns_passes(s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key=SURVEY_KEY, Body=HEADER.encode())
    (result,) = check_survey(s3, f"s3://{BUCKET}/{SURVEY_KEY}")
    assert result.status is Status.PASSED


def test_missing_survey_fails(s3: Any) -> None:
    (result,) = check_survey(s3, f"s3://{BUCKET}/{SURVEY_KEY}")
    assert (result.status, result.finding) == (Status.FAILED, f"s3://{BUCKET}/{SURVEY_KEY} does not exist")


def test_survey_without_a_column_fails(s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key=SURVEY_KEY, Body=HEADER.replace("start_date,", "").encode())
    (result,) = check_survey(s3, f"s3://{BUCKET}/{SURVEY_KEY}")
    assert result.finding == f"s3://{BUCKET}/{SURVEY_KEY} lacks the column start_date"


def test_survey_next_to_another_file_fails(s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key=SURVEY_KEY, Body=HEADER.encode())
    s3.put_object(Bucket=BUCKET, Key="survey/old.csv", Body=b"")
    (result,) = check_survey(s3, f"s3://{BUCKET}/{SURVEY_KEY}")
    assert result.finding == f"s3://{BUCKET}/{SURVEY_KEY} is not alone in its folder: survey/old.csv"
