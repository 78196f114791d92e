"""Lambda failures by the name of the exception's class, as in AWS; MiniStack calls them all `Runtime.HandlerError`.

State machines decide on that name whether to retry.
"""

import functools
from typing import Any

from ministack.services import lambda_svc


def install() -> None:
    """Wrap MiniStack's execution of a function in a warm worker."""
    lambda_svc._execute_function_warm = functools.partial(_execute_named, lambda_svc._execute_function_warm)


def _execute_named(execute: Any, *arguments: Any, **named: Any) -> dict[str, Any]:
    result: dict[str, Any] = execute(*arguments, **named)
    if result.get("error") and result["body"].get("errorType") == "Runtime.HandlerError":
        result["body"]["errorType"] = exception_name(result.get("log", "")) or "Runtime.HandlerError"
    return result


def exception_name(log: str) -> str:
    """Give the class name of the exception that a log ends with: what follows its last stack frame."""
    _, frame, rest = log.rpartition('\n  File "')
    line = next((line for line in rest.splitlines()[1:] if line and not line[0].isspace()), "") if frame else ""
    return line.partition(":")[0].rpartition(".")[2].strip()
