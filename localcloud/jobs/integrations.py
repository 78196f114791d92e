"""The Step Functions integrations of EMR: tasks that wait until the job they start has ended."""

from collections.abc import Callable
from typing import Any

from ministack.services import stepfunctions

from localcloud.policies.authorization import authorize, caller

POLL_SECONDS = 0.1
"""How often a task looks at the job it started."""

TaskFailedError = stepfunctions._ExecutionError
"""Fails a task, with a name that `Retry` and `Catch` can match and a cause."""


def add_integration(resource: str, handler: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Let tasks use an integration.

    Args:
        resource: the integration, for example `elasticmapreduce:addStep`.
        handler: takes the arguments of a task and returns its result.
    """

    def run(task_resource: str, arguments: dict[str, Any]) -> dict[str, Any]:
        if not task_resource.endswith(".sync"):
            raise TaskFailedError("States.Runtime", f"the local cloud has only the .sync form of {task_resource}")
        return handler(arguments)

    stepfunctions._SERVICE_DISPATCH[f"arn:aws:states:::{resource}"] = run


def authorize_task(action: str, resource: str, arguments: dict[str, Any], **context: Any) -> None:
    """Check and list the call of a `.sync` task, and what Step Functions does to wait for its job.

    Args:
        action: the action as policies spell it.
        resource: ARN of the resource.
        arguments: arguments of the task.
        context: the condition keys of the call.

    Raises:
        AccessDeniedError: The policies of the execution's role do not allow it.
    """
    authorize(caller(), action, resource, {"request": arguments, "is_sync": True}, **context)
