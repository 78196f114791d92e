"""What MiniStack does otherwise than AWS and the product relies on, put right."""

import functools
from typing import Any

from ministack.services import lambda_svc, stepfunctions

from localcloud.error_lines import exception_name


def install() -> None:
    """Wrap MiniStack's functions that need correcting."""
    lambda_svc._execute_function_warm = functools.partial(_execute_named, lambda_svc._execute_function_warm)
    stepfunctions._apply_output_path = functools.partial(_output_of_succeed, stepfunctions._apply_output_path)


def _execute_named(execute: Any, *arguments: Any, **named: Any) -> dict[str, Any]:
    """A failed function's error is named by its exception's class, not `Runtime.HandlerError`: retries go by it."""
    result: dict[str, Any] = execute(*arguments, **named)
    if result.get("error") and result["body"].get("errorType") == "Runtime.HandlerError":
        result["body"]["errorType"] = exception_name(result.get("log", "")) or "Runtime.HandlerError"
    return result


def _output_of_succeed(apply_output_path: Any, state: dict[str, Any], state_input: Any, context: Any = None) -> Any:
    """A JSONata `Succeed` state puts out its `Output`, which MiniStack leaves unread."""
    if state["Type"] == "Succeed" and "Output" in state:
        return stepfunctions._apply_jsonata_output(state, state_input, context, default=state_input)
    return apply_output_path(state, state_input, context)
