"""The account and the Region are the environment's, and its service-linked roles exist."""

import boto3
import pytest
from moto import mock_aws

from tools.environment import LOCAL_ACCOUNT
from tools.preflight.account import (
    SERVICE_LINKED_ROLES,
    check_identity,
    check_region,
    check_service_linked_roles,
)
from tools.preflight.result import Status


def identity(account: str) -> dict[str, str]:
    return {"Account": account, "Arn": f"arn:aws:sts::{account}:assumed-role/admin/someone"}


@pytest.mark.parametrize(
    ("account", "environment", "status", "finding"),
    [
        ("123456789012", "dev", Status.PASSED, "123456789012, as assumed-role/admin/someone"),
        (LOCAL_ACCOUNT, "local", Status.PASSED, "000000000000, as assumed-role/admin/someone"),
        (LOCAL_ACCOUNT, "dev", Status.FAILED, "this is the local cloud"),
        ("123456789012", "local", Status.FAILED, "123456789012 is not the local cloud"),
    ],
)
def test_only_the_environment_local_is_in_the_local_cloud(
    account: str, environment: str, status: Status, finding: str
) -> None:
    (result,) = check_identity(identity(account), environment)
    assert (result.status, result.finding) == (status, finding)


@pytest.mark.parametrize(
    ("present", "state_region", "finding"),
    [
        ("eu-west-1", "us-west-2", "clients use eu-west-1, not us-west-2"),
        (None, "us-west-2", "clients use no Region, not us-west-2"),
        ("us-west-2", "eu-west-1", "the backend of the state uses eu-west-1, not us-west-2"),
    ],
)
def test_another_region_fails(present: str | None, state_region: str, finding: str) -> None:
    (result,) = check_region(present, "us-west-2", state_region)
    assert (result.status, result.finding) == (Status.FAILED, finding)


def test_same_region_everywhere_passes() -> None:
    (result,) = check_region("us-west-2", "us-west-2", "us-west-2")
    assert result.status is Status.PASSED


@mock_aws
def test_missing_service_linked_role_fails_with_the_command_that_creates_it() -> None:
    iam = boto3.client("iam", region_name="us-west-2")
    present = [service for service in SERVICE_LINKED_ROLES if service != "spot.amazonaws.com"]
    for service in present:
        iam.create_service_linked_role(AWSServiceName=service)

    results = {result.check: result for result in check_service_linked_roles(iam)}

    assert results.pop("role of spot").fix == "aws iam create-service-linked-role --aws-service-name spot.amazonaws.com"
    assert {result.status for result in results.values()} == {Status.PASSED}
