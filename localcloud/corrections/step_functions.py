"""What MiniStack's Step Functions do otherwise than AWS's and the product relies on.

Versions, aliases and tracing are kept; an execution acts as its state machine's role.
"""

import contextvars
import functools
import json
import types
from collections.abc import Callable
from typing import Any

from ministack.core.responses import get_account_id, get_region, json_response
from ministack.services import stepfunctions

from localcloud.policies.authorization import AccessDeniedError, acting_as, authorize, caller

Answer = tuple[int, dict[str, str], bytes]
Handler = Callable[[dict[str, Any]], Answer]

ERRORS_OF_DENIALS = {
    "lambda": "Lambda.AWSLambdaException",
    "elasticmapreduce": "ElasticMapReduce.AccessDeniedException",
    "sagemaker": "SageMaker.AccessDeniedException",
}
"""How a task of a service fails when the role may not make its call."""

_started_by: contextvars.ContextVar[dict[str, str]] = contextvars.ContextVar("started_by")
"""The version and the alias that the execution being started was asked for by; its thread inherits them."""


def install() -> None:
    """Wrap the functions that need correcting."""
    for name in ("_create_state_machine", "_update_state_machine"):
        setattr(stepfunctions, name, functools.partial(_keep_tracing, getattr(stepfunctions, name)))
    stepfunctions._create_state_machine_alias = functools.partial(
        _create_alias_once, stepfunctions._create_state_machine_alias
    )
    stepfunctions._start_execution = functools.partial(_start_execution, stepfunctions._start_execution)
    stepfunctions._describe_execution = functools.partial(_describe_execution, stepfunctions._describe_execution)
    stepfunctions._list_executions = functools.partial(_list_executions, stepfunctions._list_executions)
    stepfunctions._run_execution = functools.partial(_run_execution, stepfunctions._run_execution)
    stepfunctions._execute_task = functools.partial(_execute_task, stepfunctions._execute_task)
    stepfunctions._invoke_resource = functools.partial(_invoke_resource, stepfunctions._invoke_resource)
    stepfunctions._apply_output_path = functools.partial(_output_of_succeed, stepfunctions._apply_output_path)


def state_machine_as_started(execution_arn: str) -> dict[str, Any]:
    """Give the state machine of an execution with the definition and the role of the version that was started."""
    execution = stepfunctions._executions[execution_arn]
    machine: dict[str, Any] = stepfunctions._state_machines[execution["stateMachineArn"]]
    version = stepfunctions._state_machine_versions.get(execution.get("stateMachineVersionArn")) or {}
    return {**machine, **{name: version[name] for name in ("definition", "roleArn") if name in version}}


def _keep_tracing(handler: Handler, data: dict[str, Any]) -> Answer:
    """MiniStack forgets whether a state machine is traced."""
    answer = handler(data)
    if answer[0] == 200 and "tracingConfiguration" in data:
        arn = data.get("stateMachineArn") or json.loads(answer[2])["stateMachineArn"]
        stepfunctions._state_machines[arn]["tracingConfiguration"] = data["tracingConfiguration"]
    return answer


def _create_alias_once(create: Handler, data: dict[str, Any]) -> Answer:
    """As in AWS, a request that is sent again, because its answer was lost, finds what it has made."""
    routing = data.get("routingConfiguration") or [{}]
    arn = f"{str(routing[0].get('stateMachineVersionArn', '')).rpartition(':')[0]}:{data.get('name')}"
    alias = stepfunctions._state_machine_aliases.get(arn)
    if alias and (alias["routingConfiguration"], alias["description"]) == (routing, data.get("description", "")):
        found: Answer = json_response({"stateMachineAliasArn": arn, "creationDate": alias["creationDate"]})
        return found
    return create(data)


def _start_execution(start: Handler, data: dict[str, Any]) -> Answer:
    """MiniStack forgets by which version or alias an execution was started."""
    asked = data.get("stateMachineArn", "")
    version = stepfunctions._execution_version_arn(asked)
    started_by = {"stateMachineVersionArn": version, "stateMachineAliasArn": asked} if version else {}
    if version == asked:
        del started_by["stateMachineAliasArn"]
    token = _started_by.set(started_by)
    try:
        return start(data)
    finally:
        _started_by.reset(token)


def _describe_execution(describe: Handler, data: dict[str, Any]) -> Answer:
    status, headers, body = describe(data)
    if status == 200:
        execution = stepfunctions._executions[data["executionArn"]]
        started_by = {
            name: execution[name] for name in ("stateMachineVersionArn", "stateMachineAliasArn") if name in execution
        }
        body = json.dumps({**json.loads(body), **started_by}).encode()
    return status, headers, body


def _list_executions(list_executions: Handler, data: dict[str, Any]) -> Answer:
    """An alias or a version lists the executions that were started by it."""
    asked = data.get("stateMachineArn", "")
    machine = stepfunctions._resolve_state_machine_arn(asked)
    if machine is None or machine == asked:
        return list_executions(data)
    status, headers, body = list_executions({**data, "stateMachineArn": machine})
    listed = json.loads(body)
    if status == 200:
        listed["executions"] = [
            item
            for item in listed["executions"]
            if asked
            in (
                stepfunctions._executions[item["executionArn"]].get("stateMachineAliasArn"),
                stepfunctions._executions[item["executionArn"]].get("stateMachineVersionArn"),
            )
        ]
    return status, headers, json.dumps(listed).encode()


def _run_execution(run: Any, execution_arn: str) -> None:
    """An execution runs the version it was started by, as its role; MiniStack looks the newest definition up."""
    stepfunctions._executions[execution_arn].update(_started_by.get())
    machine = state_machine_as_started(execution_arn)
    machines = {machine["stateMachineArn"]: machine}
    with acting_as(machine["roleArn"]):
        types.FunctionType(run.__code__, {**run.__globals__, "_state_machines": machines})(execution_arn)


def _execute_task(execute: Any, state: dict[str, Any], state_input: Any, execution: Any, context: Any) -> Any:
    """A task's timeout may be computed, which MiniStack leaves undone."""
    if isinstance(state.get("TimeoutSeconds"), str):
        seconds = stepfunctions._jsonata_state_field(state, "TimeoutSeconds", "number", state_input, context)
        state = {**state, "TimeoutSeconds": seconds}
    return execute(state, state_input, execution, context)


def _invoke_resource(invoke: Any, resource: str, arguments: Any) -> Any:
    """Let a task make its call only when the role may; what a task of another kind may do is unknown here."""
    service = resource.removeprefix("arn:aws:states:::").partition(":")[0]
    if service not in ERRORS_OF_DENIALS:
        raise stepfunctions._ExecutionError("States.Runtime", f"the local cloud does not know the rights of {resource}")
    try:
        if service == "lambda":
            authorize(caller(), "lambda:InvokeFunction", arguments["FunctionName"])
        return invoke(resource, arguments)
    except AccessDeniedError as error:
        raise stepfunctions._ExecutionError(ERRORS_OF_DENIALS[service], str(error)) from error


def require_sync(resource: str) -> None:
    """Refuse the forms of an integration that do not wait for the result.

    Raises:
        stepfunctions._ExecutionError: it is another form.
    """
    if not resource.endswith(".sync"):
        raise stepfunctions._ExecutionError(
            "States.Runtime", f"the local cloud knows only the .sync form of {resource}"
        )


def authorize_hearing(rule: str) -> None:
    """Check and record how a `.sync` task hears that what it started is done: by a rule that it makes.

    Args:
        rule: name of the rule, https://docs.aws.amazon.com/step-functions/latest/dg/connect-emr.html.

    Raises:
        AccessDeniedError: the role may not make the rule.
    """
    for action in ("DescribeRule", "PutRule", "PutTargets"):
        authorize(caller(), f"events:{action}", f"arn:aws:events:{get_region()}:{get_account_id()}:rule/{rule}")


def _output_of_succeed(apply_output_path: Any, state: dict[str, Any], state_input: Any, context: Any = None) -> Any:
    """A JSONata `Succeed` state puts out its `Output`, which MiniStack leaves unread."""
    if state["Type"] == "Succeed" and "Output" in state:
        return stepfunctions._apply_jsonata_output(state, state_input, context, default=state_input)
    return apply_output_path(state, state_input, context)
