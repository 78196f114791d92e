"""Lambda: the error names of failed functions, the rights to write logs, and the ARNs of versions."""

import contextlib
from collections.abc import Callable
from typing import Any

from ministack.services import lambda_svc

from localcloud.jobs.error_lines import exception_name
from localcloud.policies.authorization import AccessDeniedError, authorize_job
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
    is_traced = configuration.get("TracingConfig", {}).get("Mode") == "Active"
    with contextlib.suppress(AccessDeniedError):  # The function runs without a log and traces.
        authorize_job(
            configuration["Role"], "lambda:InvokeFunction", configuration["FunctionArn"], {},
            log_group=group, is_traced=is_traced,
        )  # fmt: skip
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
