"""EventBridge and CloudWatch alarms publish to a topic only if its policy and its key's policy allow it."""

import logging
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudwatch, eventbridge, kms, sns

from localcloud.wrapping import wrap
from tools.deliveries import PERMISSIONS, Permission, allows
from tools.roles import as_document

logger = logging.getLogger(__name__)


def install() -> None:
    """Check the policies before MiniStack publishes for a service."""
    wrap(eventbridge, "_dispatch_to_sns", _deliver_event)
    wrap(cloudwatch, "_dispatch_alarm_actions", _deliver_alarm)


def _deliver_event(dispatch: Any, topic_arn: str, payload: str) -> None:
    if _can_publish("events.amazonaws.com", topic_arn):
        dispatch(topic_arn, payload)


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
