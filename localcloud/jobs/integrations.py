"""The Step Functions integrations of EMR: tasks that wait until the job they start has ended."""

from collections.abc import Callable
from typing import Any

from ministack.core.responses import get_account_id, get_region
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


def authorize_events(rule: str) -> None:
    """Check and list the calls of a `.sync` task that creates a rule to learn when its job ends.

    Args:
        rule: name of the rule, see https://docs.aws.amazon.com/step-functions/latest/dg/connect-emr.html.

    Raises:
        AccessDeniedError: The policies of the role do not allow the rule.
    """
    for action in ("DescribeRule", "PutRule", "PutTargets"):
        authorize(caller(), f"events:{action}", f"arn:aws:events:{get_region()}:{get_account_id()}:rule/{rule}")
