"""Preflight passes on the deployed local cloud, and its checks fail there when something is wrong."""

import contextlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from localcloud.cloud import REGION
from tests.local_stack import Stack
from tools.preflight.__main__ import checks, results
from tools.preflight.account import check_service_linked_roles
from tools.preflight.network import check_emr_subnets
from tools.preflight.result import Result, Status, run
from tools.publish import code_bucket
from tools.security_docs import find_key
from tools.terraform_variables import read_variables

TWO_DAYS_LATER = datetime(2026, 5, 22, 18, tzinfo=UTC)
"""When the snapshot of `tests.local_stack` is due."""


def found(name: str, now: datetime = TWO_DAYS_LATER, **variables: Any) -> list[Result]:
    """Return the results of a check, with other values of variables."""
    return list(run(name, checks("local", {**read_variables("local"), **variables}, REGION, now)[name]))


def failing(name: str, **different: Any) -> list[str]:
    """Return what a check finds wrong."""
    return [result.finding for result in found(name, **different) if result.status is Status.FAILED]


@contextlib.contextmanager
def key_policy_without(sid: str) -> Iterator[None]:
    kms, key = boto3.client("kms"), find_key("local")
    policy = kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    statements = [statement for statement in json.loads(policy)["Statement"] if statement["Sid"] != sid]
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps({"Statement": statements}))
    try:
        yield
    finally:
        kms.put_key_policy(KeyId=key, PolicyName="default", Policy=policy)


@contextlib.contextmanager
def suspended_versions(bucket: str) -> Iterator[None]:
    s3 = boto3.client("s3")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    try:
        yield
    finally:
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})


@pytest.mark.usefixtures("stack")
def test_deployed_local_cloud_passes() -> None:
    named = checks("local", read_variables("local"), REGION, TWO_DAYS_LATER)
    listed = list(results("local", named))
    assert [result for result in listed if result.status is Status.FAILED] == []
    assert {result.check for result in listed if result.status is Status.PASSED} >= {
        "account", "Region", "state bucket", "code bucket", "data lake", "survey", "definition of etl",
        "definition of ml", "subscriptions", "deliveries",
    }  # fmt: skip


@pytest.mark.usefixtures("stack")
def test_missing_snapshot_and_survey_fail(stack: Stack) -> None:
    (finding,) = failing("data lake", now=datetime(2027, 1, 1, tzinfo=UTC))
    assert "has no partition 20261229 in 5 of 5 tables" in finding
    lake = {
        **read_variables("local")["datalake"],
        "survey_uri": f"s3://{stack.deployment.datalake_bucket}/no/survey.csv",
    }
    assert failing("survey", datalake=lake) == [f"{lake['survey_uri']} does not exist"]


@pytest.mark.usefixtures("stack")
def test_code_bucket_without_versions_fails() -> None:
    with suspended_versions(code_bucket("local")):
        assert failing("code bucket") == [f"{code_bucket('local')} is not versioned"]


@pytest.mark.usefixtures("stack")
def test_address_that_is_not_subscribed_fails() -> None:
    alerts = {**read_variables("local")["alerts"], "emails": ["team@example.com"]}
    assert failing("subscriptions", alerts=alerts) == ["not subscribed: team@example.com"]


@pytest.mark.usefixtures("stack")
def test_key_that_logs_cannot_use_fails() -> None:
    with key_policy_without("LogGroups"):
        (finding,) = failing("deliveries")
    assert finding.startswith(f"the policy of key does not let logs.{REGION}.amazonaws.com call kms:")


@pytest.mark.usefixtures("stack")
def test_account_without_emrs_tags_and_service_linked_roles_fails() -> None:
    tags, _ = check_emr_subnets(boto3.client("ec2"), [])
    roles = check_service_linked_roles(boto3.client("iam"))
    assert {tags.status, *(role.status for role in roles)} == {Status.FAILED}
