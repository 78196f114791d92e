"""Lambda: the error names of failed functions, the rights to write logs, and the ARNs of versions."""

from collections.abc import Callable
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import lambda_svc

from localcloud.jobs.error_lines import exception_name
from localcloud.policies.authorization import allows
from localcloud.wrapping import wrap


def install() -> None:
    """Correct the functions of MiniStack that differ from AWS."""
    wrap(lambda_svc, "_execute_function_warm", _execute_named)
    wrap(lambda_svc, "_create_function", _name_versions)
    wrap(lambda_svc, "_update_code", _name_versions)


def _execute_named(execute: Any, function: dict[str, Any], *arguments: Any) -> dict[str, Any]:
    """Run a function, and name its error after the class of the exception, as retries expect.

    MiniStack names every error `Runtime.HandlerError`. It also writes the log without asking for the function's rights.
    """
    configuration = function["config"]
    group = configuration.get("LoggingConfig", {}).get("LogGroup") or f"/aws/lambda/{configuration['FunctionName']}"
    for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
        allows(configuration["Role"], action, f"arn:aws:logs:{get_region()}:{get_account_id()}:log-group:{group}:*")
    result: dict[str, Any] = execute(function, *arguments)
    if result.get("error") and result["body"].get("errorType") == "Runtime.HandlerError":
        result["body"]["errorType"] = exception_name(result.get("log", "")) or "Runtime.HandlerError"
    return result


def _name_versions(handler: Callable[..., Any], *arguments: Any) -> Any:
    """Set the ARN of a version that is published together with its code; MiniStack sets that of the function."""
    response = handler(*arguments)
    for function in lambda_svc._functions.values():
        for number, version in function["versions"].items():
            version["config"]["FunctionArn"] = f"{function['config']['FunctionArn']}:{number}"
    return response
