"""Starts a pipeline execution and shows it state by state until it ends; in AWS or wherever the endpoint points.

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
from tools.terraform import ENVIRONMENTS

PIPELINES = ("etl", "ml")
POLL_SECONDS = 0.5


@dataclass
class StateVisit:
    """One visit of a state: when it was entered and left, in seconds since the execution's start."""

    name: str
    entered: float
    exited: float | None = None


@dataclass
class Execution:
    """What an execution did.

    Attributes:
        arn: of the execution.
        status: `RUNNING`, `SUCCEEDED`, `FAILED`, `TIMED_OUT` or `ABORTED`.
        visits: the states in the order they were entered.
        history: the events, as Step Functions gives them.
        output: of a succeeded execution.
        error: of a failed one.
        cause: of a failed one.
    """

    arn: str
    status: str = "RUNNING"
    visits: list[StateVisit] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)
    output: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    cause: str = ""

    def seconds_per_state(self) -> dict[str, float]:
        """Seconds spent in each state over all its visits."""
        seconds: dict[str, float] = {}
        for visit in self.visits:
            if visit.exited is not None:
                seconds[visit.name] = round(seconds.get(visit.name, 0.0) + visit.exited - visit.entered, 2)
        return seconds


def find_state_machine(pipeline: str, environment: str) -> str:
    """Give the ARN of an environment's `etl` or `ml` state machine.

    Raises:
        LookupError: it is not deployed.
    """
    name = f"buyer-stage-{pipeline}-pipeline-{environment}"
    client = boto3.client("stepfunctions")
    for page in client.get_paginator("list_state_machines").paginate():
        for machine in page["stateMachines"]:
            if machine["name"] == name:
                return str(machine["stateMachineArn"])
    raise LookupError(f"no state machine {name} in {client.meta.region_name}; deploy environment {environment} first")


def live_alias(state_machine_arn: str) -> str:
    """Give the ARN of the alias that points at a state machine's deployed version."""
    return f"{state_machine_arn}:live"


def run(state_machine_arn: str, execution_input: dict[str, Any], console: Console) -> Execution:
    """Start an execution, show each state as it is left, and give the record when the execution has ended.

    Args:
        state_machine_arn: of a state machine, a version or an alias.
        execution_input: what the execution is given.
        console: where to show it.
    """
    client = boto3.client("stepfunctions")
    started = client.start_execution(stateMachineArn=state_machine_arn, input=json.dumps(execution_input))
    record = Execution(started["executionArn"])
    console.print(f"[bold]{state_machine_arn.split(':')[6]}[/bold]  {json.dumps(execution_input)}")
    shown: set[str] = set()
    with console.status("starting") as status:
        while True:
            description = client.describe_execution(executionArn=record.arn)
            _read_history(client, record)
            for visit in record.visits:
                # A poll loop's states are shown at their first visit; the status line tells where it is now.
                if visit.exited is not None and visit.name not in shown:
                    console.print(f"  {visit.exited:7.1f} s  {visit.name}")
                    shown.add(visit.name)
            if record.visits:
                status.update(record.visits[-1].name)
            if description["status"] != "RUNNING":
                break
            time.sleep(POLL_SECONDS)
    record.status = description["status"]
    record.output = json.loads(description.get("output") or "{}")
    record.error, record.cause = description.get("error", ""), description.get("cause", "")
    colour = "green" if record.status == "SUCCEEDED" else "red"
    console.print(f"  [{colour}]{record.status}[/{colour}] {record.error} {record.cause}".rstrip(), highlight=False)
    return record


def _read_history(client: Any, record: Execution) -> None:
    pages = client.get_paginator("get_execution_history").paginate(executionArn=record.arn)
    record.history = [event for page in pages for event in page["events"]]
    record.visits = []
    if not record.history:
        return
    start: datetime = record.history[0]["timestamp"]
    for event in record.history:
        seconds = (event["timestamp"] - start).total_seconds()
        if "stateEnteredEventDetails" in event:
            record.visits.append(StateVisit(event["stateEnteredEventDetails"]["name"], seconds))
        elif "stateExitedEventDetails" in event:
            for visit in reversed(record.visits):
                if visit.name == event["stateExitedEventDetails"]["name"] and visit.exited is None:
                    visit.exited = seconds
                    break


def main() -> None:
    """Run one execution; exit with 1 when it does not succeed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pipeline", choices=PIPELINES)
    parser.add_argument("--environment", required=True, choices=ENVIRONMENTS)
    parser.add_argument("--snapshot-date", type=parse_snapshot_date, help="YYYYMMDD; two days ago when left out")
    parser.add_argument("--build-training-data", action="store_true", help="with etl: build the labeled set too")
    arguments = parser.parse_args()
    execution_input: dict[str, Any] = {}
    if arguments.snapshot_date:
        execution_input["snapshot_date"] = f"{arguments.snapshot_date:%Y%m%d}"
    if arguments.build_training_data:
        execution_input["steps_to_run"] = list(STEPS)
    try:
        state_machine_arn = live_alias(find_state_machine(arguments.pipeline, arguments.environment))
    except LookupError as error:
        sys.exit(str(error))
    record = run(state_machine_arn, execution_input, Console())
    print(json.dumps(record.output, indent=2))
    sys.exit(record.status != "SUCCEEDED")


if __name__ == "__main__":
    main()
