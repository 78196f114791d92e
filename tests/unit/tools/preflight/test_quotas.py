"""Quotas are compared with what one run uses, as the Terraform variables say."""

from collections.abc import Sequence
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from tools.preflight.quotas import (
    Need,
    check_quotas,
    count_other_tables,
    dynamodb_needs,
    glue_needs,
    instance_needs,
    sagemaker_needs,
    vcpus_of,
)
from tools.preflight.result import Result, Status, run
from tools.terraform_variables import read_variables

EMR = {
    "master_instance_types": ["m5.xlarge", "m5a.xlarge"],
    "core_instance_types": ["r5.2xlarge", "r5.4xlarge"],
    "core_instance_count": 2,
    "core_instance_limit": 6,
}
VCPUS = {"m5.xlarge": 4, "m5a.xlarge": 4, "r5.2xlarge": 8, "r5.4xlarge": 16}
NEEDS = [Need("glue", "Max task DPUs per account", 10), Need("glue", "Max concurrent job runs per account", 1)]


@pytest.fixture
def client() -> Any:
    return boto3.client(
        "service-quotas", region_name="us-west-2", aws_access_key_id="test", aws_secret_access_key="test"
    )


def quota(name: str, value: float) -> dict[str, Any]:
    return {"QuotaName": name, "QuotaCode": f"L-{len(name)}", "Value": value}


def answered(client: Any, applied: Sequence[dict[str, Any]], default: Sequence[dict[str, Any]] = ()) -> list[Result]:
    """Return the results of the check when Service Quotas lists applied and default values."""
    with Stubber(client) as stub:
        stub.add_response("list_service_quotas", {"Quotas": list(applied)}, {"ServiceCode": "glue"})
        stub.add_response("list_aws_default_service_quotas", {"Quotas": list(default)}, {"ServiceCode": "glue"})
        return list(run("quotas of glue", lambda: check_quotas(client, NEEDS)))


def test_cluster_can_use_the_largest_types_and_fall_back_to_on_demand() -> None:
    assert [(need.quota.partition(" (")[0], need.amount) for need in instance_needs(EMR, VCPUS)] == [
        ("All Standard", 6 * 16),
        ("Running On-Demand Standard", 4 + 2 * 16),
    ]


def test_transforms_of_challenger_and_champion_run_together() -> None:
    needs = {
        need.quota: need.amount for need in sagemaker_needs({"instance_count": 4, "instance_type": "ml.c5.xlarge"})
    }
    assert needs["ml.c5.xlarge for transform job usage"] == 8
    assert needs["Number of instances across all transform jobs"] == 8


def test_small_transforms_leave_what_autopilot_needs_of_the_same_type() -> None:
    needs = {
        need.quota: need.amount for need in sagemaker_needs({"instance_count": 1, "instance_type": "ml.m5.4xlarge"})
    }
    assert needs["ml.m5.4xlarge for transform job usage"] == 2
    assert needs["ml.m5.4xlarge for training job usage"] == 2
    assert needs["ml.m5.4xlarge for processing job usage"] == 1


def test_push_needs_its_workers_and_its_writes() -> None:
    push = {"worker_count": 12, "maximum_writes_per_second": 4000}
    assert [need.amount for need in glue_needs(push)] == [12, 1]
    assert [need.amount for need in dynamodb_needs(push, other_tables=7)] == [8, 4000]


def test_needs_of_every_environment_follow_from_its_variables() -> None:
    for environment in ("dev", "qa", "prod"):
        variables = read_variables(environment)
        needs = [
            *sagemaker_needs(variables["transform"]),
            *glue_needs(variables["push"]),
            *dynamodb_needs(variables["push"], 0),
        ]
        assert all(need.amount >= 1 for need in needs)


def test_enough_of_every_quota_passes(client: Any) -> None:
    (result,) = answered(client, [quota(NEEDS[0].quota, 10), quota(NEEDS[1].quota, 1)])
    assert result.status is Status.PASSED


def test_quota_that_is_too_low_fails_with_the_command_that_requests_more(client: Any) -> None:
    (result,) = answered(client, [quota(NEEDS[0].quota, 9), quota(NEEDS[1].quota, 1)])
    assert result.finding == "Max task DPUs per account: 9, and one run uses 10"
    assert result.fix == (
        "aws service-quotas request-service-quota-increase --service-code glue --quota-code L-25 --desired-value 10"
    )


def test_applied_value_counts_more_than_the_default_one(client: Any) -> None:
    default = [quota(NEEDS[0].quota, 0), quota(NEEDS[1].quota, 0)]
    (result,) = answered(client, [quota(NEEDS[0].quota, 10)], default)
    assert result.finding.startswith("Max concurrent job runs per account: 0")


def test_quota_that_is_not_listed_is_unknown(client: Any) -> None:
    (result,) = answered(client, [quota(NEEDS[0].quota, 10)])
    assert (result.status, result.finding) == (Status.UNKNOWN, f"Service Quotas does not list {NEEDS[1].quota}")


def test_service_that_does_not_answer_is_unknown(client: Any) -> None:
    with Stubber(client) as stub:
        stub.add_client_error("list_service_quotas", "ServiceException", "try later")
        (result,) = run("quotas of glue", lambda: check_quotas(client, NEEDS))
    assert (result.status, result.finding) == (
        Status.UNKNOWN,
        "ListServiceQuotas answers ServiceException try later",
    )


@mock_aws
def test_vcpus_and_tables_come_from_the_account() -> None:
    assert vcpus_of(boto3.client("ec2", region_name="us-west-2"), EMR) == VCPUS
    dynamodb = boto3.client("dynamodb", region_name="us-west-2")
    for name in ("another", "buyer-stage-ml-pipeline-results-dev"):
        dynamodb.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
    assert count_other_tables(dynamodb, "dev") == 1
