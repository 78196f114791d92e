"""Check a deployed environment: its definitions, who gets its alerts, and which services can use its key."""

import fnmatch
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tools.preflight.result import Result, judged
from tools.roles import Policy, as_list, statements


@dataclass(frozen=True)
class KeyUse:
    """A service that uses the environment's key in its own name, not with the rights of a role.

    Attributes:
        purpose: what would stop without the key.
        principal: name of the service in policies.
        actions: what the service does with the key.
        conditions: condition keys that requests of the service have; a statement with another one never applies.
    """

    purpose: str
    principal: str
    actions: tuple[str, ...]
    conditions: frozenset[str]


TO_PUBLISH = ("kms:Decrypt", "kms:GenerateDataKey")
SOURCE = frozenset({"aws:SourceAccount", "aws:SourceArn"})


def key_uses(region: str) -> tuple[KeyUse, ...]:
    """Return the services that use an environment's key in its Region.

    SNS Developer Guide, "Enable compatibility between event sources from AWS services and encrypted topics"; Budgets
    User Guide, "Creating an Amazon SNS topic for budget notifications"; CloudWatch Logs User Guide, "Encrypt log data
    in CloudWatch Logs using AWS KMS".
    """
    logs = (
        "kms:Encrypt",
        "kms:Decrypt",
        "kms:ReEncryptFrom",
        "kms:ReEncryptTo",
        "kms:GenerateDataKey",
        "kms:DescribeKey",
    )
    log_groups = frozenset({"kms:EncryptionContext:aws:logs:arn"})
    return (
        KeyUse("alarms", "cloudwatch.amazonaws.com", TO_PUBLISH, SOURCE),
        KeyUse("job alerts", "events.amazonaws.com", TO_PUBLISH, frozenset()),
        KeyUse("budget alerts", "budgets.amazonaws.com", TO_PUBLISH, SOURCE),
        KeyUse("logs", f"logs.{region}.amazonaws.com", logs, log_groups),
    )


def check_key_policy(policy: Policy, account: str, region: str) -> Iterator[Result]:
    """Check that the policy of the environment's key lets each service use it, in a form that AWS supports.

    Args:
        policy: the key's policy.
        account: AWS account ID.
        region: AWS Region.
    """
    allowing = [statement for statement in statements(policy) if statement["Effect"] == "Allow"]
    for use in key_uses(region):
        named = [statement for statement in allowing if use.principal in _services(statement)]
        granted = [action for action in use.actions if any(_grants(each, action) for each in named)]
        applying = [each for each in named if _applies(each, use, account)]
        usable = [action for action in granted if any(_grants(each, action) for each in applying)]
        problems = []
        if absent := [action for action in use.actions if action not in granted]:
            problems.append(f"{use.principal} is not allowed {', '.join(absent)}")
        if unmet := [action for action in granted if action not in usable]:
            problems.append(f"{use.principal} never meets the condition for {', '.join(unmet)}")
        yield judged(
            f"key for {use.purpose}",
            problems,
            f"{use.principal} can use it",
            f"correct terraform/modules/encryption, then `make apply`; conditions that work: "
            f"{', '.join(sorted(use.conditions)) or 'none'}",
        )


def check_definitions(states: Any, arns: Mapping[str, str]) -> Iterator[Result]:
    """Check the deployed definitions of the state machines with Step Functions.

    Args:
        states: client for Step Functions.
        arns: name of each pipeline, and ARN of its state machine.
    """
    for pipeline, arn in arns.items():
        definition = states.describe_state_machine(stateMachineArn=arn)["definition"]
        answer = states.validate_state_machine_definition(definition=definition, type="STANDARD")
        errors = [each for each in answer["diagnostics"] if each["severity"] == "ERROR"]
        if answer["result"] == "OK":
            errors = []
        yield judged(
            f"definition of {pipeline}",
            [f"{each['code']} at {each.get('location', '/')}: {each['message']}" for each in errors],
            "valid",
            f"correct statemachine/{pipeline}_pipeline.asl.json, then `make apply`",
        )


def check_subscriptions(sns: Any, topic_arn: str, emails: Sequence[str]) -> Iterator[Result]:
    """Check that someone gets the alerts, and that every subscriber has confirmed.

    Args:
        sns: client for SNS.
        topic_arn: ARN of the topic of the alerts.
        emails: the addresses in the environment's tfvars.
    """
    pages = sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic_arn)
    found = {each["Endpoint"]: each["SubscriptionArn"] for page in pages for each in page["Subscriptions"]}
    waiting = sorted(endpoint for endpoint, arn in found.items() if not arn.startswith("arn:"))
    absent = sorted(set(emails) - found.keys())
    problems = []
    if not found and not absent:
        problems.append("no one gets alerts: alerts.emails is empty")
    if absent:
        problems.append(f"not subscribed: {', '.join(absent)}")
    if waiting:
        problems.append(f"not confirmed: {', '.join(waiting)}")
    yield judged(
        "subscriptions",
        problems,
        f"{len(found)} confirmed",
        "set alerts.emails, `make apply`, and follow the link in the email that AWS sends to each address",
    )


def _services(statement: Mapping[str, Any]) -> list[str]:
    principal = statement["Principal"]
    return as_list(principal.get("Service", [])) if isinstance(principal, Mapping) else []


def _grants(statement: Mapping[str, Any], action: str) -> bool:
    return any(fnmatch.fnmatchcase(action.lower(), pattern.lower()) for pattern in statement["Action"])


def _applies(statement: Mapping[str, Any], use: KeyUse, account: str) -> bool:
    for tested in statement.get("Condition", {}).values():
        for key, values in tested.items():
            if key not in use.conditions:
                return False
            if key == "aws:SourceAccount" and account not in as_list(values):
                return False
    return True
