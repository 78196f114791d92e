"""Start an execution of a pipeline and show its states until it ends, in AWS or in the local cloud.

python -m tools.execution etl --environment dev [--snapshot-date YYYYMMDD] [--build-training-data]
python -m tools.execution ml --environment local
"""

import argparse
import json
import sys
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import boto3
from rich.console import Console

from buyer_stage.domain.snapshot_date import parse_snapshot_date
from emr_steps.arguments import STEPS
from tools.environment import require
from tools.terraform import ENVIRONMENTS

PIPELINES = ("etl", "ml")
POLL_SECONDS = 0.5


@dataclass
class StateVisit:
    """One visit of a state, with the times of entry and exit in seconds since the start of the execution."""

    name: str
    entered: float
    exited: float | None = None


@dataclass
class Execution:
    """An execution and what it did.

    Attributes:
        arn: ARN of the execution.
        status: `RUNNING`, `SUCCEEDED`, `FAILED`, `TIMED_OUT` or `ABORTED`.
        visits: the states, in the order in which the execution entered them.
        history: the events as Step Functions returns them.
        output: the output; empty unless the execution succeeded.
        error: the name of the error; empty unless the execution failed.
        cause: the cause of the error; empty unless the execution failed.
    """

    arn: str
    status: str = "RUNNING"
    visits: list[StateVisit] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)
    output: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    cause: str = ""

    def seconds_per_state(self) -> dict[str, float]:
        """Return the seconds that the execution spent in each state, over all visits."""
        seconds: dict[str, float] = {}
        for visit in self.visits:
            if visit.exited is not None:
                seconds[visit.name] = round(seconds.get(visit.name, 0.0) + visit.exited - visit.entered, 2)
        return seconds


def find_state_machine(pipeline: str, environment: str) -> str:
    """Return the ARN of an environment's `etl` or `ml` state machine.

    Raises:
        LookupError: the state machine is not deployed.
    """
    name = f"buyer-stage-{pipeline}-pipeline-{environment}"
    client = boto3.client("stepfunctions")
    for page in client.get_paginator("list_state_machines").paginate():
        for machine in page["stateMachines"]:
            if machine["name"] == name:
                return str(machine["stateMachineArn"])
    raise LookupError(
        f"State machine {name} does not exist in {client.meta.region_name}. Deploy the environment {environment} first."
    )


def live_alias(state_machine_arn: str) -> str:
    """Return the ARN of the alias that points at the deployed version of a state machine."""
    return f"{state_machine_arn}:live"


def run(state_machine_arn: str, execution_input: dict[str, Any], console: Console) -> Execution:
    """Start an execution, show each state when the execution leaves it, and wait for the end.

    Args:
        state_machine_arn: ARN of a state machine, a version or an alias.
        execution_input: input of the execution.
        console: where to show the states.

    Returns:
        The ended execution.
    """
    client = boto3.client("stepfunctions")
    started = client.start_execution(stateMachineArn=state_machine_arn, input=json.dumps(execution_input))
    execution = Execution(started["executionArn"])
    console.print(f"[bold]{state_machine_arn.split(':')[6]}[/bold]  {json.dumps(execution_input)}")
    shown: set[str] = set()
    with console.status("starting") as status:
        while True:
            description = client.describe_execution(executionArn=execution.arn)
            _read_history(client, execution)
            for visit in execution.visits:
                # The states of a poll loop are shown once; the status line shows the current state.
                if visit.exited is not None and visit.name not in shown:
                    console.print(f"  {visit.exited:7.1f} s  {visit.name}")
                    shown.add(visit.name)
            if execution.visits:
                status.update(execution.visits[-1].name)
            if description["status"] != "RUNNING":
                break
            time.sleep(POLL_SECONDS)
    execution.status = description["status"]
    execution.output = json.loads(description.get("output") or "{}")
    execution.error, execution.cause = description.get("error", ""), description.get("cause", "")
    color = "green" if execution.status == "SUCCEEDED" else "red"
    console.print(
        f"  [{color}]{execution.status}[/{color}] {execution.error} {execution.cause}".rstrip(), highlight=False
    )
    return execution


def _read_history(client: Any, execution: Execution) -> None:
    pages = client.get_paginator("get_execution_history").paginate(executionArn=execution.arn)
    execution.history = [event for page in pages for event in page["events"]]
    execution.visits = []
    if not execution.history:
        return
    start: datetime = execution.history[0]["timestamp"]
    for event in execution.history:
        seconds = (event["timestamp"] - start).total_seconds()
        if "stateEnteredEventDetails" in event:
            execution.visits.append(StateVisit(event["stateEnteredEventDetails"]["name"], seconds))
        elif "stateExitedEventDetails" in event:
            for visit in reversed(execution.visits):
                if visit.name == event["stateExitedEventDetails"]["name"] and visit.exited is None:
                    visit.exited = seconds
                    break


def main() -> None:
    """Run one execution; exit with 1 unless it succeeds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pipeline", choices=PIPELINES)
    parser.add_argument("--environment", required=True, choices=ENVIRONMENTS)
    parser.add_argument("--snapshot-date", type=parse_snapshot_date, help="YYYYMMDD; default: two days ago")
    parser.add_argument("--build-training-data", action="store_true", help="for etl: also build the labeled set")
    arguments = parser.parse_args()
    require(arguments.environment)
    execution_input: dict[str, Any] = {}
    if arguments.snapshot_date:
        execution_input["snapshot_date"] = f"{arguments.snapshot_date:%Y%m%d}"
    if arguments.build_training_data:
        execution_input["steps_to_run"] = list(STEPS)
    try:
        state_machine_arn = live_alias(find_state_machine(arguments.pipeline, arguments.environment))
    except LookupError as error:
        sys.exit(str(error))
    execution = run(state_machine_arn, execution_input, Console())
    print(json.dumps(execution.output, indent=2))
    sys.exit(execution.status != "SUCCEEDED")


if __name__ == "__main__":
    main()
