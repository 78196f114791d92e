"""Definitions are valid, subscribers have confirmed, and services can use the key."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from tools.preflight.deployment import check_definitions, check_key_policy, check_subscriptions, key_uses
from tools.preflight.result import Result, Status

ACCOUNT, REGION = "123456789012", "us-west-2"
MACHINE = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:ml"
CREDENTIALS = {"region_name": REGION, "aws_access_key_id": "test", "aws_secret_access_key": "test"}
ROOT = {
    "Sid": "EnableIamPolicies",
    "Effect": "Allow",
    "Action": "kms:*",
    "Resource": "*",
    "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
}


def statement(principal: str, actions: list[str], condition: dict[str, Any] | None = None) -> dict[str, Any]:
    allowed = {"Effect": "Allow", "Action": actions, "Resource": "*", "Principal": {"Service": principal}}
    return {**allowed, "Condition": condition} if condition else allowed


GOOD = {use.principal: statement(use.principal, list(use.actions)) for use in key_uses(REGION)}
IN_ACCOUNT = {"StringEquals": {"aws:SourceAccount": ACCOUNT}}


def checked(principal: str, changed: dict[str, Any] | None) -> Result:
    """Return the result for a service whose statement is changed, or removed; the others must pass."""
    statements = [ROOT, *({**GOOD, principal: changed} if changed else GOOD | {principal: ROOT}).values()]
    results = dict(zip(GOOD, check_key_policy({"Statement": statements}, ACCOUNT, REGION), strict=True))
    result = results.pop(principal)
    assert {other.status for other in results.values()} == {Status.PASSED}
    return result


@pytest.mark.parametrize("principal", GOOD)
def test_key_without_a_statement_for_a_service_fails(principal: str) -> None:
    assert checked(principal, None).finding.startswith(f"{principal} is not allowed kms:")


def test_condition_on_the_account_keeps_eventbridge_out() -> None:
    changed = statement("events.amazonaws.com", ["kms:Decrypt", "kms:GenerateDataKey"], IN_ACCOUNT)
    result = checked("events.amazonaws.com", changed)
    assert result.finding == "events.amazonaws.com never meets the condition for kms:Decrypt, kms:GenerateDataKey"
    assert result.fix.endswith("conditions that work: none")


@pytest.mark.parametrize("principal", ["cloudwatch.amazonaws.com", "budgets.amazonaws.com"])
def test_condition_on_the_account_suits_alarms_and_budgets(principal: str) -> None:
    actions = ["kms:Decrypt", "kms:GenerateDataKey*"]
    assert checked(principal, statement(principal, actions, IN_ACCOUNT)).status is Status.PASSED
    elsewhere = {"StringEquals": {"aws:SourceAccount": "999999999999"}}
    assert checked(principal, statement(principal, actions, elsewhere)).status is Status.FAILED


def test_logs_need_to_describe_the_key() -> None:
    principal = f"logs.{REGION}.amazonaws.com"
    actions = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*"]
    assert checked(principal, statement(principal, actions)).finding == f"{principal} is not allowed kms:DescribeKey"
    assert checked(principal, statement(principal, [*actions, "kms:Describe*"])).status is Status.PASSED


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
