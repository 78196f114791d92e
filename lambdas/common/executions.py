"""What the states at the end of an execution know about it."""

import json
import re

from pydantic import BaseModel, ConfigDict, Field

_STEP_ERROR = re.compile(r"buyer_stage\.domain\.errors\.(\w+): (.*)", re.DOTALL)


class CaughtFailure(BaseModel):
    """What a state machine keeps of a failure: the error output of Step Functions, and the state that failed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    state: str = Field(alias="State")
    error: str = Field(alias="Error")
    cause: str = Field(alias="Cause")


class EndingEvent(BaseModel):
    """Base class of the events about an execution that is about to end."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    execution_id: str = Field(pattern=r"^arn:[^:]+:states:[^:]+:\d+:execution:[^:]+:[^:]+$")
    snapshot_date: str = Field(description="As text, because an invalid date can be what failed.")
    ttl_extension: str | None = Field(default=None, description="What was done because items were about to expire.")


def describe(failure: CaughtFailure) -> tuple[str, str]:
    """Return the name of an error and its cause, as a person needs them.

    The cause of a Lambda error is JSON with a message and a stack trace. The cause of a failed step describes the step:
    its message names the error that Step Functions calls `States.TaskFailed`.
    """
    cause = _message(failure.cause)
    named = _STEP_ERROR.match(cause)
    return (named[1], named[2]) if named else (failure.error, cause)


def _message(cause: str) -> str:
    try:
        details = json.loads(cause)
    except json.JSONDecodeError:
        return cause
    match details:
        case {"errorMessage": message}:
            return str(message)
        case {"Step": {"Status": {"FailureDetails": {"Message": message, **more}}}}:
            return f"{message}; see {more.get('LogFile', 'the log of the step')}"
    return cause
