"""Histories of executions, as Step Functions returns them: recorded ones, and ones that are made from their tasks."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from buyer_stage.receipts.build import RECEIPT_STATE
from tools.repository import REPOSITORY

Event = Any
"""An event of a history. Its type in the stubs has every field that any event can have."""

START = datetime(2020, 2, 1, 10, tzinfo=UTC)
LAMBDA = {"resourceType": "lambda", "resource": "invoke"}


def recorded_events(name: str) -> list[Event]:
    """Return a history that `aws stepfunctions get-execution-history` returned on a local cloud.

    The files leave out what nothing reads, and all visits of a state but the first two and the last one.

    Args:
        name: of the file in `tests/histories/`.
    """
    events = json.loads((REPOSITORY / f"tests/histories/{name}.json").read_text())
    return [{**event, "timestamp": datetime.fromisoformat(event["timestamp"])} for event in events]


def made_events(
    *tasks: tuple[str, dict[str, Any] | None], execution_input: dict[str, Any] | None = None
) -> list[Event]:
    """Return the history of an execution whose tasks take 10 seconds each.

    Args:
        tasks: name of the state, and the result of the function that it calls; None if that fails.
        execution_input: input of the execution.
    """
    events: list[Event] = []

    def add(event_type: str, seconds: float, **details: Any) -> None:
        events.append(
            {"id": len(events) + 1, "type": event_type, "timestamp": START + timedelta(seconds=seconds), **details}
        )

    add("ExecutionStarted", 0, executionStartedEventDetails={"input": json.dumps(execution_input or {})})
    for number, (state, result) in enumerate(tasks):
        start, end = 10 * number, 10 * (number + 1)
        add("TaskStateEntered", start, stateEnteredEventDetails={"name": state})
        if result is None:
            add("TaskFailed", end, taskFailedEventDetails={**LAMBDA, "error": "ModelError", "cause": "{}"})
        else:
            output = json.dumps({"Payload": result})
            add("TaskSucceeded", end, taskSucceededEventDetails={**LAMBDA, "output": output})
        add("TaskStateExited", end, stateExitedEventDetails={"name": state})
    add("TaskStateEntered", 10 * len(tasks), stateEnteredEventDetails={"name": RECEIPT_STATE})
    return events
