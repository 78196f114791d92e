"""What policies must allow so that AWS services deliver alerts and logs to encrypted resources.

A service that lacks a permission drops the delivery without an error that anyone sees.
"""

import fnmatch
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from tools.roles import Policy, as_list, statements

ACCOUNT, REGION = "{account}", "{region}"
"""Placeholders of `Permission`."""


@dataclass(frozen=True)
class Permission:
    """What one policy must allow one service.

    Attributes:
        service: the service's principal.
        policy: the policy, as `tools.security_docs.read_resource_policies` names it; `role` is the trust of a role.
        actions: what the service does.
        context: the condition keys that the service sends. A condition on any other key is never met.
        source: the AWS document that says so.
    """

    service: str
    policy: Literal["alerts", "key", "role"]
    actions: tuple[str, ...]
    source: str
    context: Mapping[str, str] = field(default_factory=dict)


_ENCRYPTED_TOPICS = "https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#compatibility-with-aws-services"
_ENCRYPTED_LOGS = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html"
_ALARM = {
    "aws:SourceAccount": ACCOUNT,
    "aws:SourceArn": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:buyer-stage-snapshots-behind",
}
_BUDGET = {"aws:SourceAccount": ACCOUNT, "aws:SourceArn": f"arn:aws:budgets::{ACCOUNT}:budget/buyer-stage"}
_PUBLISH, _USE_KEY = ("sns:Publish",), ("kms:Decrypt", "kms:GenerateDataKey")

PERMISSIONS: Sequence[Permission] = (
    Permission(
        "budgets.amazonaws.com", "alerts", _PUBLISH,
        "https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-sns-policy.html", _BUDGET,
    ),
    Permission("budgets.amazonaws.com", "key", _USE_KEY, _ENCRYPTED_TOPICS, _BUDGET),
    Permission(
        "cloudwatch.amazonaws.com", "alerts", _PUBLISH,
        "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html", _ALARM,
    ),
    Permission(
        "cloudtrail.amazonaws.com", "key", ("kms:DescribeKey", "kms:GenerateDataKey"),
        "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html",
        {"aws:SourceArn": f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/buyer-stage-dev"},
    ),
    Permission("cloudwatch.amazonaws.com", "key", _USE_KEY, _ENCRYPTED_TOPICS, _ALARM),
    # "You can't use Condition blocks in Amazon SNS topic policies for EventBridge."
    Permission(
        "events.amazonaws.com", "alerts", _PUBLISH,
        "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-troubleshooting.html",
    ),
    # "Adding the aws:SourceAccount, aws:SourceArn, and aws:SourceOrgID to a AWS KMS policy is not supported for
    # EventBridge-to-encrypted topics."
    Permission("events.amazonaws.com", "key", _USE_KEY, _ENCRYPTED_TOPICS),
    Permission(
        f"logs.{REGION}.amazonaws.com", "key",
        ("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"), _ENCRYPTED_LOGS,
        {"kms:EncryptionContext:aws:logs:arn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/buyer-stage"},
    ),
    # AWS documents kms:Describe* in the statement above, but the action has no encryption context.
    Permission(f"logs.{REGION}.amazonaws.com", "key", ("kms:DescribeKey",), _ENCRYPTED_LOGS),
)  # fmt: skip

OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "ArnEquals": fnmatch.fnmatchcase,
    "ArnLike": fnmatch.fnmatchcase,
    "Bool": operator.eq,
    "StringEquals": operator.eq,
    "StringLike": fnmatch.fnmatchcase,
}
"""Operator of a condition -> whether the value that a service sends meets a value of the condition."""


def allows(policy: Policy, permission: Permission, account: str, region: str) -> bool:
    """Check whether a policy allows a service everything that a permission lists, and denies none of it."""

    def filled(text: str) -> str:
        return text.replace(ACCOUNT, account).replace(REGION, region)

    service = filled(permission.service)
    sent = {"aws:SecureTransport": "true", **permission.context}
    context = {key.lower(): filled(value) for key, value in sent.items()}
    effects = [
        {
            statement["Effect"]
            for statement in statements(policy)
            if any(fnmatch.fnmatchcase(action.lower(), pattern.lower()) for pattern in statement["Action"])
            and _names(statement["Principal"], service)
            and _is_met(statement.get("Condition", {}), context)
        }
        for action in permission.actions
    ]
    return all(found == {"Allow"} for found in effects)


def _names(principal: Any, service: str) -> bool:
    if isinstance(principal, str):
        return principal == "*"
    return service in as_list(principal.get("Service", [])) or "*" in as_list(principal.get("AWS", []))


def _is_met(conditions: Mapping[str, Mapping[str, Any]], context: Mapping[str, str]) -> bool:
    return all(
        key.lower() in context and any(OPERATORS[test](context[key.lower()], str(value)) for value in as_list(values))
        for test, tested in conditions.items()
        for key, values in tested.items()
    )
