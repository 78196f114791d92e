"""EventBridge Scheduler starts a target only if the schedule's role allows it; MiniStack does not check.

MiniStack does not replace the context attributes in the input either. See
https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html.
"""

import uuid
from typing import Any

from ministack.services import eventbridge

from localcloud.policies.authorization import AccessDeniedError, authorize
from localcloud.wrapping import wrap

ACTIONS = {":stateMachine:": "states:StartExecution", ":function:": "lambda:InvokeFunction"}
"""Part of a target's ARN -> the right that a schedule needs."""
EXECUTION_ID = "<aws.scheduler.execution-id>"


def install() -> None:
    """Check the role before a schedule invokes its target, and fill in the id of the invocation."""
    wrap(eventbridge, "_invoke_target", _invoke_target)


def _invoke_target(invoke: Any, target: dict[str, Any], event: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
    if event["Source"] == "aws.scheduler":
        action = next((action for part, action in ACTIONS.items() if part in target["Arn"]), None)
        if action is None:
            raise AccessDeniedError(f"the local cloud does not know which right a schedule needs for {target['Arn']}")
        authorize(target["RoleArn"], action, target["Arn"])
        target = {**target, "Input": target["Input"].replace(EXECUTION_ID, uuid.uuid4().hex[:16])}
    return invoke(target, event, *args, **kwargs)
