"""Check a deployed environment: its definitions, who gets its alerts, and which services can deliver to it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tools.deliveries import PERMISSIONS, REGION, allows
from tools.preflight.result import Result, failed, judged, passed
from tools.roles import Policy


def check_deliveries(policies: Mapping[str, Policy], account: str, region: str) -> Iterator[Result]:
    """Check that AWS services can deliver alerts and logs: one result when all can, and one for each policy that fails.

    Args:
        policies: resource policies as `tools.security_docs.read_resource_policies` returns them.
        account: AWS account ID.
        region: AWS Region.
    """
    check = "deliveries"
    failing = [each for each in PERMISSIONS if not allows(policies[each.policy], each, account, region)]
    for permission in failing:
        keys = ", ".join(permission.context) or "none"
        yield failed(
            check,
            f"the policy of {permission.policy} does not let {permission.service.replace(REGION, region)} call "
            f"{', '.join(permission.actions)}",
            f"`make apply`; it can depend only on these condition keys: {keys} ({permission.source})",
        )
    if not failing:
        services = sorted({permission.service.partition(".")[0] for permission in PERMISSIONS})
        yield passed(check, f"{', '.join(services)} can use key and topic")


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
