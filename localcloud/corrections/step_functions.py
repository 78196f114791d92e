"""Step Functions: versions, aliases, tracing, computed timeouts, limits, and executions that act as a role."""

import contextvars
import json
import types
from collections.abc import Callable
from typing import Any

from ministack.core.responses import json_response
from ministack.services import stepfunctions

from localcloud.jobs.integrations import TaskFailedError
from localcloud.policies.authorization import AccessDeniedError, acting_as, authorize, caller
from localcloud.wrapping import wrap

Response = tuple[int, dict[str, str], bytes]
Handler = Callable[[dict[str, Any]], Response]

ERRORS_OF_DENIALS = {
    "lambda": "Lambda.AWSLambdaException",
    "elasticmapreduce": "ElasticMapReduce.AccessDeniedException",
    "sagemaker": "SageMaker.AccessDeniedException",
}
"""Service -> the error of a task whose role does not allow its call."""

MAXIMUM_EVENTS = 25_000
MAXIMUM_BYTES = 262_144
"""Events of an execution; and bytes of a state's input, arguments, result, output, or new variables. See
https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html."""

TERMINAL_ERRORS = frozenset({"States.DataLimitExceeded", "States.Runtime"})
"""Errors that `States.ALL` does not match: https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html"""

_started_by: contextvars.ContextVar[dict[str, str]] = contextvars.ContextVar("started_by")
"""The version and the alias that start the current execution; its thread inherits them."""


def install() -> None:
    """Correct the functions of MiniStack that differ from AWS."""
    wrappers: dict[str, Callable[..., Any]] = {
        "_create_state_machine": _keep_tracing,
        "_update_state_machine": _keep_tracing,
        "_create_state_machine_alias": _create_alias_once,
        "_start_execution": _start_execution,
        "_describe_execution": _describe_execution,
        "_list_executions": _list_executions,
        "_run_execution": _run_execution,
        "_execute_task": _execute_task,
        "_invoke_resource": _invoke_resource,
        "_add_event": _add_event,
        "_apply_state_assign": _assign,
        "_error_matches": _error_matches,
        "_apply_output_path": _output_of_succeed,
    }
    for name, wrapper in wrappers.items():
        wrap(stepfunctions, name, wrapper)


def state_machine_as_started(execution_arn: str) -> dict[str, Any]:
    """Return the state machine of an execution, with the definition and role of the version that it started with."""
    execution = stepfunctions._executions[execution_arn]
    machine: dict[str, Any] = stepfunctions._state_machines[execution["stateMachineArn"]]
    version = stepfunctions._state_machine_versions.get(execution.get("stateMachineVersionArn")) or {}
    return {**machine, **{name: version[name] for name in ("definition", "roleArn") if name in version}}


def _keep_tracing(handler: Handler, data: dict[str, Any]) -> Response:
    """Keep whether a state machine is traced, which MiniStack drops."""
    response = handler(data)
    if response[0] == 200 and "tracingConfiguration" in data:
        arn = data.get("stateMachineArn") or json.loads(response[2])["stateMachineArn"]
        stepfunctions._state_machines[arn]["tracingConfiguration"] = data["tracingConfiguration"]
    return response


def _create_alias_once(create: Handler, data: dict[str, Any]) -> Response:
    """Return an alias that already exists as requested, as AWS does when a client repeats a request."""
    routing = data.get("routingConfiguration") or [{}]
    arn = f"{str(routing[0].get('stateMachineVersionArn', '')).rpartition(':')[0]}:{data.get('name')}"
    alias = stepfunctions._state_machine_aliases.get(arn)
    if alias and (alias["routingConfiguration"], alias["description"]) == (routing, data.get("description", "")):
        found: Response = json_response({"stateMachineAliasArn": arn, "creationDate": alias["creationDate"]})
        return found
    return create(data)


def _start_execution(start: Handler, data: dict[str, Any]) -> Response:
    """Keep the version and the alias that start an execution, which MiniStack drops."""
    requested = data.get("stateMachineArn", "")
    version = stepfunctions._execution_version_arn(requested)
    started_by = {"stateMachineVersionArn": version, "stateMachineAliasArn": requested} if version else {}
    if version == requested:
        del started_by["stateMachineAliasArn"]
    token = _started_by.set(started_by)
    try:
        return start(data)
    finally:
        _started_by.reset(token)


def _describe_execution(describe: Handler, data: dict[str, Any]) -> Response:
    status, headers, body = describe(data)
    if status == 200:
        execution = stepfunctions._executions[data["executionArn"]]
        started_by = {
            name: execution[name] for name in ("stateMachineVersionArn", "stateMachineAliasArn") if name in execution
        }
        body = json.dumps({**json.loads(body), **started_by}).encode()
    return status, headers, body


def _list_executions(list_executions: Handler, data: dict[str, Any]) -> Response:
    """List the executions that a version or an alias started."""
    requested = data.get("stateMachineArn", "")
    machine = stepfunctions._resolve_state_machine_arn(requested)
    if machine is None or machine == requested:
        return list_executions(data)
    status, headers, body = list_executions({**data, "stateMachineArn": machine})
    listed = json.loads(body)
    if status == 200:
        listed["executions"] = [
            item
            for item in listed["executions"]
            if requested
            in (
                stepfunctions._executions[item["executionArn"]].get("stateMachineAliasArn"),
                stepfunctions._executions[item["executionArn"]].get("stateMachineVersionArn"),
            )
        ]
    return status, headers, json.dumps(listed).encode()


def _run_execution(run: Any, execution_arn: str) -> None:
    """Run the version that an execution started with, as its role; MiniStack runs the newest definition."""
    stepfunctions._executions[execution_arn].update(_started_by.get())
    machine = state_machine_as_started(execution_arn)
    machines = {machine["stateMachineArn"]: machine}
    with acting_as(machine["roleArn"]):
        types.FunctionType(run.__code__, {**run.__globals__, "_state_machines": machines})(execution_arn)


def _execute_task(execute: Any, state: dict[str, Any], state_input: Any, execution: Any, context: Any) -> Any:
    """Run a task whose timeout can be an expression, which MiniStack does not evaluate."""
    if isinstance(state.get("TimeoutSeconds"), str):
        seconds = stepfunctions._jsonata_state_field(state, "TimeoutSeconds", "number", state_input, context)
        state = {**state, "TimeoutSeconds": seconds}
    return execute(state, state_input, execution, context)


def _invoke_resource(invoke: Any, resource: str, arguments: Any) -> Any:
    """Make the call of a task only if the role allows it, and refuse services whose rights are unknown here."""
    service = resource.removeprefix("arn:aws:states:::").partition(":")[0]
    if service not in ERRORS_OF_DENIALS:
        raise TaskFailedError("States.Runtime", f"the local cloud does not know which right {resource} needs")
    try:
        _check_size("arguments", json.dumps(arguments))
        if service == "lambda":
            authorize(caller(), "lambda:InvokeFunction", arguments["FunctionName"])
        return invoke(resource, arguments)
    except AccessDeniedError as error:
        raise TaskFailedError(ERRORS_OF_DENIALS[service], str(error)) from error


def _add_event(add: Any, execution: dict[str, Any], event_type: str, details: dict[str, Any] | None = None) -> Any:
    """Keep the history and its data within the limits; add the events of a task that MiniStack leaves out."""
    if not event_type.startswith("Execution"):  # the last event is the end of the execution
        if len(execution["events"]) >= MAXIMUM_EVENTS - 1:
            cause = f"The execution reached the maximum number of history events ({MAXIMUM_EVENTS})."
            raise TaskFailedError("States.Runtime", cause)
        for described in (details or {}).values():
            for data in ("input", "output"):
                _check_size(data, described.get(data) or "")
    added = add(execution, event_type, details)
    if event_type == "TaskScheduled":
        resource = {"resource": (details or {})["taskScheduledEventDetails"]["resource"]}
        _add_event(add, execution, "TaskStarted", {"taskStartedEventDetails": resource})
        if resource["resource"].endswith(".sync"):
            _add_event(add, execution, "TaskSubmitted", {"taskSubmittedEventDetails": resource})
    return added


def _assign(assign: Any, state: dict[str, Any], state_input: Any, context: Any, *args: Any, **kwargs: Any) -> None:
    assign(state, state_input, context, *args, **kwargs)
    new = {name: context["variables"].get(name) for name in state.get("Assign", {})} if context else {}
    _check_size("variables", json.dumps(new))


def _check_size(data: str, text: str) -> None:
    """Fail the state if a JSON text is too long. Step Functions counts bytes in UTF-8, and MiniStack escapes ASCII."""
    if len(text) > MAXIMUM_BYTES:
        count = len(json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":")).encode())
        if count > MAXIMUM_BYTES:
            raise TaskFailedError(
                "States.DataLimitExceeded", f"the {data} of a state have {count} bytes, more than {MAXIMUM_BYTES}"
            )


def _error_matches(matches: Any, error_equals: list[str], error: str) -> bool:
    """Match errors, but not those that end an execution whatever catches `States.ALL`."""
    return bool(matches(error_equals, error)) and (error not in TERMINAL_ERRORS or error in error_equals)


def _output_of_succeed(apply_output_path: Any, state: dict[str, Any], state_input: Any, context: Any = None) -> Any:
    """Apply the `Output` of a JSONata `Succeed` state, which MiniStack ignores."""
    if state["Type"] == "Succeed" and "Output" in state:
        return stepfunctions._apply_jsonata_output(state, state_input, context, default=state_input)
    return apply_output_path(state, state_input, context)
