"""EventBridge and CloudWatch alarms deliver only what policies allow them to deliver.

The policies of a topic and of its key decide on notifications, the policy of a queue on its messages, and the role of a
rule's target on events for another bus. What a rule cannot deliver goes to the target's dead-letter queue:
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html.
"""

import logging
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudwatch, eventbridge, iam, kms, sns, sqs

from localcloud.policies.authorization import is_allowed
from localcloud.wrapping import wrap
from tools.deliveries import PERMISSIONS, Permission, allows
from tools.roles import as_document

logger = logging.getLogger(__name__)

EVENTBRIDGE = "events.amazonaws.com"


def install() -> None:
    """Check the policies before MiniStack publishes for a service."""
    wrap(eventbridge, "_dispatch_to_sns", _deliver_event)
    wrap(eventbridge, "_invoke_target", _invoke_target)
    wrap(cloudwatch, "_dispatch_alarm_actions", _deliver_alarm)


def _deliver_event(dispatch: Any, topic_arn: str, payload: str) -> None:
    if _can_publish(EVENTBRIDGE, topic_arn):
        dispatch(topic_arn, payload)


def _invoke_target(invoke: Any, target: dict[str, Any], event: dict[str, Any], rule: Any, view: Any = None) -> None:
    if _can_invoke(target, rule):
        invoke(target, event, rule, view)
        return
    logger.warning("%s of %s cannot deliver to %s: policies do not allow it", EVENTBRIDGE, rule["Arn"], target["Arn"])
    dead_letters = {"Arn": target.get("DeadLetterConfig", {}).get("Arn", "")}
    if dead_letters["Arn"] and _can_invoke(dead_letters, rule):
        invoke(dead_letters, event, rule, view)


def _can_invoke(target: dict[str, Any], rule: Any) -> bool:
    """Check whether a rule can deliver to a target that is a queue or a bus. Others are checked elsewhere."""
    arn, role = target["Arn"], target.get("RoleArn")
    if ":sqs:" in arn:
        return bool(sqs.queue_policy_allows(arn, EVENTBRIDGE, rule["Arn"], get_account_id()))
    if ":event-bus/" not in arn or not role:
        return True
    trust = iam._roles.get(role.rpartition("/")[2], {}).get("AssumeRolePolicyDocument")
    assume = Permission(
        EVENTBRIDGE, "role", ("sts:AssumeRole",),
        "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cross-account.html",
        {"aws:SourceAccount": get_account_id(), "aws:SourceArn": rule["Arn"]},
    )  # fmt: skip
    is_trusted = trust is not None and allows(as_document(trust), assume, get_account_id(), get_region())
    return is_trusted and is_allowed(role, "events:PutEvents", arn)


def _deliver_alarm(dispatch: Any, alarm: dict[str, Any], old_state: str, new_state: str, reason: str) -> None:
    allowed = {
        field: [arn for arn in alarm.get(field) or [] if _can_publish("cloudwatch.amazonaws.com", arn)]
        for field in ("AlarmActions", "OKActions", "InsufficientDataActions")
    }
    dispatch({**alarm, **allowed}, old_state, new_state, reason)


def _can_publish(service: str, topic_arn: str) -> bool:
    """Check whether a service can publish to a topic. As on AWS, the publisher of an event never learns it."""
    for permission in PERMISSIONS:
        policy = _policy(permission, topic_arn)
        if (
            permission.service == service
            and policy is not None
            and not allows(as_document(policy), permission, get_account_id(), get_region())
        ):
            logger.warning(
                "%s cannot deliver to %s: the policy of its %s does not allow it", service, topic_arn, permission.policy
            )
            return False
    return True


def _policy(permission: Permission, topic_arn: str) -> str | None:
    """Return the policy that decides, or None when there is none: the topic is missing, or it is not encrypted."""
    if permission.policy == "alerts":
        found = sns.topic_policy_for_arn(topic_arn)
    else:
        topic = sns._topics.get(topic_arn) or {}
        found = kms.key_policy_for_arn(topic.get("attributes", {}).get("KmsMasterKeyId") or "")
    return found[0] if found and found[0] else None
