"""Definitions are valid, subscribers have confirmed, and services can deliver."""

from collections.abc import Iterator, Sequence
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from tools.deliveries import PERMISSIONS, Permission
from tools.preflight.deployment import check_definitions, check_deliveries, check_subscriptions
from tools.preflight.result import Result, Status

ACCOUNT, REGION = "123456789012", "us-west-2"
MACHINE = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:ml"
CREDENTIALS = {"region_name": REGION, "aws_access_key_id": "test", "aws_secret_access_key": "test"}


def granting(permission: Permission) -> dict[str, Any]:
    principal = {"Service": permission.service.replace("{region}", REGION)}
    return {"Effect": "Allow", "Action": list(permission.actions), "Resource": "*", "Principal": principal}


def delivered(granted: Sequence[Permission]) -> list[Result]:
    """Return the results when the two policies grant only some permissions."""
    policies = {
        name: {"Statement": [granting(each) for each in granted if each.policy == name]} for name in ("alerts", "key")
    }
    return list(check_deliveries(policies, ACCOUNT, REGION))


def test_services_that_can_deliver_pass() -> None:
    (result,) = delivered(PERMISSIONS)
    assert (result.status, result.finding) == (
        Status.PASSED, "budgets, cloudtrail, cloudwatch, events, logs can use key and topic",
    )  # fmt: skip


@pytest.mark.parametrize("lacking", PERMISSIONS, ids=lambda of: f"{of.service.partition('.')[0]} {of.actions[0]}")
def test_service_that_cannot_deliver_fails(lacking: Permission) -> None:
    (result,) = delivered([each for each in PERMISSIONS if each is not lacking])
    service = lacking.service.replace("{region}", REGION)
    assert result.status is Status.FAILED
    assert result.finding == f"the policy of {lacking.policy} does not let {service} call {', '.join(lacking.actions)}"


def validated(result: str, *diagnostics: dict[str, str]) -> Result:
    """Return the result when Step Functions answers with diagnostics."""
    states = boto3.client("stepfunctions", **CREDENTIALS)
    described = {"stateMachineArn": MACHINE, "name": "ml", "definition": "{}", "roleArn": "arn:aws:iam::1:role/r"}
    with Stubber(states) as stub:
        stub.add_response(
            "describe_state_machine",
            {**described, "type": "STANDARD", "creationDate": "2026-05-20"},
            {"stateMachineArn": MACHINE},
        )
        stub.add_response(
            "validate_state_machine_definition",
            {"result": result, "diagnostics": list(diagnostics)},
            {"definition": "{}", "type": "STANDARD"},
        )
        (checked,) = check_definitions(states, {"ml": MACHINE})
    return checked


WARNING = {"severity": "WARNING", "code": "NO_PATH", "message": "unused state", "location": "/States/B"}
ERROR = {"severity": "ERROR", "code": "SCHEMA_VALIDATION_FAILED", "message": "bad JSONata", "location": "/States/A"}


def test_definition_with_warnings_passes() -> None:
    assert validated("OK", WARNING).status is Status.PASSED


def test_invalid_definition_fails_with_its_errors() -> None:
    result = validated("FAIL", WARNING, ERROR)
    assert result.finding == "SCHEMA_VALIDATION_FAILED at /States/A: bad JSONata"
    assert result.fix == "correct statemachine/ml_pipeline.asl.json, then `make apply`"


@pytest.fixture
def sns() -> Iterator[Any]:
    with mock_aws():
        yield boto3.client("sns", region_name=REGION)


def subscribed(sns: Any, emails: list[str], protocol: str = "email", endpoint: str = "") -> Result:
    topic = sns.create_topic(Name="alerts")["TopicArn"]
    if endpoint:
        sns.subscribe(TopicArn=topic, Protocol=protocol, Endpoint=endpoint)
    (result,) = check_subscriptions(sns, topic, emails)
    return result


def test_confirmed_subscription_passes(sns: Any) -> None:
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:inbox"
    assert subscribed(sns, [], "sqs", queue) == Result("subscriptions", Status.PASSED, "1 confirmed")


def test_address_that_has_not_confirmed_fails() -> None:
    sns, topic = boto3.client("sns", **CREDENTIALS), f"arn:aws:sns:{REGION}:{ACCOUNT}:alerts"
    waiting = {"Endpoint": "team@example.com", "SubscriptionArn": "PendingConfirmation"}
    with Stubber(sns) as stub:
        stub.add_response("list_subscriptions_by_topic", {"Subscriptions": [waiting]}, {"TopicArn": topic})
        (result,) = check_subscriptions(sns, topic, ["team@example.com"])
    assert result.finding == "not confirmed: team@example.com"


def test_address_that_is_not_subscribed_fails(sns: Any) -> None:
    assert subscribed(sns, ["team@example.com"]).finding == "not subscribed: team@example.com"


def test_topic_without_subscribers_fails(sns: Any) -> None:
    assert subscribed(sns, []).finding == "no one gets alerts: alerts.emails is empty"
