"""Start an execution of a pipeline and show its states until it ends, in AWS or in the local cloud.

python -m tools.execution etl --environment dev [--snapshot-date YYYYMMDD] [--build-training-data] \
    [--accept-input REASON]
python -m tools.execution ml --environment local
"""

import argparse
import itertools
import json
import sys
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from rich.console import Console

from buyer_stage.domain.console_links import execution_link
from buyer_stage.domain.input_checks import parse_accept_reason
from buyer_stage.domain.snapshot_date import parse_snapshot_date
from emr_steps.arguments import STEPS
from tools.environment import require
from tools.terraform import ENVIRONMENTS

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient
    from mypy_boto3_stepfunctions.type_defs import HistoryEventTypeDef

PIPELINES = ("etl", "ml")

POLL_SECONDS = 5.0
"""Pause between two looks at an execution. All clients of an account and Region draw from the same token buckets, see
"Step Functions service quotas", section "Quotas related to API action throttling"."""

LOCAL_POLL_SECONDS = 0.5

PAGE_SIZE = 25
"""Events in one response of GetExecutionHistory: more than a state machine usually writes between two looks."""

PATIENT = Config(retries={"mode": "standard", "total_max_attempts": 10})
"""Waits for about a minute in total before a throttled call fails."""


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
        output: the output; empty unless the execution succeeded.
        error: the name of the error; empty unless the execution failed.
        cause: the cause of the error; empty unless the execution failed.
        last_event_id: id of the last event of the history that was read. Step Functions numbers events from 1.
        started: time of the first event.
    """

    arn: str
    status: str = "RUNNING"
    visits: list[StateVisit] = field(default_factory=list)
    output: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    cause: str = ""
    last_event_id: int = 0
    started: datetime | None = None

    def add(self, events: Iterable["HistoryEventTypeDef"]) -> list[StateVisit]:
        """Add the next events of the history, and return the visits that end with them."""
        ended: list[StateVisit] = []
        for event in events:
            self.last_event_id = event["id"]
            self.started = self.started or event["timestamp"]
            seconds = (event["timestamp"] - self.started).total_seconds()
            if "stateEnteredEventDetails" in event:
                self.visits.append(StateVisit(event["stateEnteredEventDetails"]["name"], seconds))
            elif "stateExitedEventDetails" in event:
                name = event["stateExitedEventDetails"]["name"]
                for visit in reversed(self.visits):
                    if visit.name == name and visit.exited is None:
                        visit.exited = seconds
                        ended.append(visit)
                        break
        return ended

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
    client = boto3.client("stepfunctions", config=PATIENT)
    is_local = urlsplit(client.meta.endpoint_url).hostname == "127.0.0.1"
    # With a name, the client can repeat the call after a lost response without starting a second execution.
    started = client.start_execution(
        stateMachineArn=state_machine_arn, name=str(uuid.uuid4()), input=json.dumps(execution_input)
    )
    execution = Execution(started["executionArn"])
    console.print(f"[bold]{state_machine_arn.split(':')[6]}[/bold]  {json.dumps(execution_input)}")
    if not is_local:
        console.print(execution_link(execution.arn), highlight=False, soft_wrap=True)
    shown: set[str] = set()
    with console.status("starting") as status:
        while True:
            # Described before the history is read, so that the history of an ended execution is complete.
            description = client.describe_execution(executionArn=execution.arn)
            for visit in execution.add(_new_events(client, execution)):
                # The states of a poll loop are shown once; the status line shows the current state.
                if visit.name not in shown:
                    console.print(f"  {visit.exited:7.1f} s  {visit.name}")
                    shown.add(visit.name)
            if execution.visits:
                status.update(execution.visits[-1].name)
            if description["status"] != "RUNNING":
                break
            time.sleep(LOCAL_POLL_SECONDS if is_local else POLL_SECONDS)
    execution.status = description["status"]
    execution.output = json.loads(description.get("output") or "{}")
    execution.error, execution.cause = description.get("error", ""), description.get("cause", "")
    color = "green" if execution.status == "SUCCEEDED" else "red"
    console.print(
        f"  [{color}]{execution.status}[/{color}] {execution.error} {execution.cause}".rstrip(), highlight=False
    )
    return execution


def _new_events(client: "SFNClient", execution: Execution) -> list["HistoryEventTypeDef"]:
    """Return the events after the last one that was read, oldest first.

    GetExecutionHistory cannot start at an event, and AWS does not say that the token of an earlier page shows newer
    events. So this reads backward, page by page, down to the last known event.
    """
    pages = client.get_paginator("get_execution_history").paginate(
        executionArn=execution.arn,
        reverseOrder=True,
        includeExecutionData=False,
        PaginationConfig={"PageSize": PAGE_SIZE},
    )
    newest_first = (event for page in pages for event in page["events"])
    new = list(itertools.takewhile(lambda event: event["id"] > execution.last_event_id, newest_first))
    return new[::-1]


def main() -> None:
    """Run one execution; exit with 1 unless it succeeds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pipeline", choices=PIPELINES)
    parser.add_argument("--environment", required=True, choices=ENVIRONMENTS)
    parser.add_argument("--snapshot-date", type=parse_snapshot_date, help="YYYYMMDD; default: two days ago")
    parser.add_argument("--build-training-data", action="store_true", help="for etl: also build the labeled set")
    parser.add_argument(
        "--accept-input", type=parse_accept_reason, help="for etl: why to accept a snapshot that breaks input checks"
    )
    parser.add_argument("--retrain", action="store_true", help="for ml: train again on the same labeled set")
    parser.add_argument("--serve-anyway", metavar="REASON", help="for ml: serve the day although it breaks audit rules")
    arguments = parser.parse_args()
    require(arguments.environment)
    execution_input: dict[str, Any] = {}
    if arguments.snapshot_date:
        execution_input["snapshot_date"] = f"{arguments.snapshot_date:%Y%m%d}"
    if arguments.build_training_data:
        execution_input["steps_to_run"] = list(STEPS)
    if arguments.accept_input:
        execution_input["accept_input"] = arguments.accept_input
    if arguments.retrain:
        execution_input["retrain"] = True
    if arguments.serve_anyway:
        execution_input["serve_anyway"] = arguments.serve_anyway
    try:
        state_machine_arn = live_alias(find_state_machine(arguments.pipeline, arguments.environment))
    except LookupError as error:
        sys.exit(str(error))
    execution = run(state_machine_arn, execution_input, Console())
    print(json.dumps(execution.output, indent=2))
    sys.exit(execution.status != "SUCCEEDED")


if __name__ == "__main__":
    main()
