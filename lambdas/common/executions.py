"""What the states at the end of an execution know about it."""

import json

from pydantic import BaseModel, ConfigDict, Field


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


def readable_cause(cause: str) -> str:
    """Return what a person needs of a cause.

    The cause of a Lambda error is JSON with a message and a stack trace, that of a failed step is the description of
    the step. Any other cause is returned unchanged.
    """
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
