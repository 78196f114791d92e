"""Check the buckets of the account's bootstrap, and the data lake."""

import posixpath
from collections.abc import Iterator
from datetime import date
from typing import Any

from botocore.exceptions import ClientError

from buyer_stage.domain.datalake import SURVEY_COLUMNS, partition_prefix, table_name
from buyer_stage.domain.snapshot_date import format_partition_value
from buyer_stage.domain.windows import Window
from tools.preflight.result import Result, failed, judged

NOT_PUBLIC = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
MISSING = {"404", "NoSuchBucket", "NoSuchKey"}
HEADER_BYTES = 4096


def check_bucket(s3: Any, purpose: str, bucket: str, fix: str) -> Iterator[Result]:
    """Check that a bucket exists and is as `terraform/bootstrap` makes it.

    Args:
        s3: client for S3.
        purpose: what the bucket holds.
        bucket: name of the bucket.
        fix: what to do when the bucket is missing or different.
    """
    check = f"{purpose} bucket"
    if not _exists(s3, bucket):
        yield failed(check, f"{bucket} does not exist", fix)
        return
    problems = []
    if s3.get_bucket_versioning(Bucket=bucket).get("Status") != "Enabled":
        problems.append("is not versioned")
    if "aws:kms" not in _default_encryption(s3, bucket):
        problems.append("is not encrypted with KMS")
    if not _is_private(s3, bucket):
        problems.append("does not block public access")
    yield judged(check, [f"{bucket} {', '.join(problems)}"] if problems else [], bucket, fix)


def check_partitions(s3: Any, bucket: str, snapshot_date: date) -> Iterator[Result]:
    """Check that a snapshot is in each table of the data lake, and that its files can be read."""
    check, day = "data lake", format_partition_value(snapshot_date)
    if not _exists(s3, bucket):
        yield failed(check, f"bucket {bucket} does not exist", "set datalake.bucket in the environment's tfvars")
        return
    missing = []
    for window in Window:
        prefix = f"{partition_prefix(window, snapshot_date)}/"
        found = s3.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=10).get("Contents", [])
        files = [each["Key"] for each in found if each["Size"] > 0]
        if files:
            s3.get_object(Bucket=bucket, Key=files[0], Range="bytes=0-0")["Body"].close()
        else:
            missing.append(table_name(window))
    yield judged(
        check,
        [f"{bucket} has no partition {day} in {len(missing)} of {len(Window)} tables, first {missing[0]}"]
        if missing
        else [],
        f"{bucket} has snapshot {day} in all {len(Window)} tables",
        "wait until the data lake publishes the snapshot, or correct datalake.bucket and datalake.lag_days",
    )


def check_survey(s3: Any, uri: str) -> Iterator[Result]:
    """Check that the survey can be read, has its columns, and is alone in its folder."""
    fix = f"put the survey with the columns {', '.join(SURVEY_COLUMNS)} there, or set datalake.survey_uri"
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    try:
        body = s3.get_object(Bucket=bucket, Key=key, Range=f"bytes=0-{HEADER_BYTES - 1}")["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] not in MISSING:
            raise
        yield failed("survey", f"{uri} does not exist", fix)
        return
    header = body.decode("utf-8-sig", errors="replace").partition("\n")[0].strip().split(",")
    columns = {column.strip('"') for column in header}
    folder = posixpath.dirname(key) + "/"
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=folder, MaxKeys=10).get("Contents", [])
    others = [each["Key"] for each in listed if each["Key"] not in (key, folder)]
    problems = []
    if absent := [column for column in SURVEY_COLUMNS if column not in columns]:
        problems.append(f"{uri} lacks the column {', '.join(absent)}")
    if others:
        problems.append(f"{uri} is not alone in its folder: {others[0]}")
    yield judged("survey", problems, uri, fix)


def _exists(s3: Any, bucket: str) -> bool:
    try:
        s3.head_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] not in MISSING:
            raise
        return False
    return True


def _default_encryption(s3: Any, bucket: str) -> set[str]:
    try:
        rules = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ServerSideEncryptionConfigurationNotFoundError":
            raise
        return set()
    return {rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] for rule in rules}


def _is_private(s3: Any, bucket: str) -> bool:
    try:
        block = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchPublicAccessBlockConfiguration":
            raise
        return False
    return all(block.get(setting) for setting in NOT_PUBLIC)
