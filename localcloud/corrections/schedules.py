"""EventBridge Scheduler starts an execution only if the schedule's role allows it; MiniStack does not check."""

from typing import Any

from ministack.services import eventbridge

from localcloud.policies.authorization import AccessDeniedError, authorize
from localcloud.wrapping import wrap


def install() -> None:
    """Check the role before a schedule invokes its target."""
    wrap(eventbridge, "_invoke_target", _invoke_target)


def _invoke_target(invoke: Any, target: dict[str, Any], event: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
    if event["Source"] == "aws.scheduler":
        if ":stateMachine:" not in target["Arn"]:
            raise AccessDeniedError(f"the local cloud does not know which right a schedule needs for {target['Arn']}")
        authorize(target["RoleArn"], "states:StartExecution", target["Arn"])
    return invoke(target, event, *args, **kwargs)
