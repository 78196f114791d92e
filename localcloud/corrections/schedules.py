"""EventBridge Scheduler starts an execution as the schedule's role, when the role may; MiniStack does not ask."""

import functools
from typing import Any

from ministack.services import eventbridge

from localcloud.policies.authorization import AccessDeniedError, authorize


def install() -> None:
    """Ask before a schedule's target is invoked."""
    eventbridge._invoke_target = functools.partial(_invoke_target, eventbridge._invoke_target)


def _invoke_target(invoke: Any, target: dict[str, Any], event: dict[str, Any], *more: Any, **named: Any) -> Any:
    if event["Source"] == "aws.scheduler":
        if ":stateMachine:" not in target["Arn"]:
            raise AccessDeniedError(f"the local cloud does not know the rights of a schedule for {target['Arn']}")
        authorize(target["RoleArn"], "states:StartExecution", target["Arn"])
    return invoke(target, event, *more, **named)
