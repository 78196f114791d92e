"""Takes an environment's state machines back to the version before the live one.

python -m tools.rollback --environment prod [--pipeline etl|ml]

A version of a state machine names versions of the functions and the folder of the code that EMR and Glue run, so all of
them go back with it. The next `make apply` goes forward again: revert the change in the repository, too.
"""

import argparse
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3

from tools.execution import PIPELINES, find_state_machine, live_alias
from tools.terraform import ENVIRONMENTS

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient


class NoEarlierVersionError(Exception):
    """There is nothing to go back to."""


@dataclass(frozen=True)
class Rollback:
    """From which version to which an alias is taken (ARNs)."""

    alias_arn: str
    live: str
    previous: str


def find_rollback(client: "SFNClient", state_machine_arn: str) -> Rollback:
    """Find the version that was published before the one that the alias `live` points at.

    Raises:
        NoEarlierVersionError: the live version is the first.
    """
    alias_arn = live_alias(state_machine_arn)
    routing = client.describe_state_machine_alias(stateMachineAliasArn=alias_arn)["routingConfiguration"]
    live = routing[0]["stateMachineVersionArn"]
    listed = client.list_state_machine_versions(stateMachineArn=state_machine_arn, maxResults=1000)
    earlier = [
        version["stateMachineVersionArn"]
        for version in listed["stateMachineVersions"]
        if _number(version["stateMachineVersionArn"]) < _number(live)
    ]
    if not earlier:
        raise NoEarlierVersionError(f"{live} is the first version of its state machine; there is none before it")
    return Rollback(alias_arn, live, max(earlier, key=_number))


def roll_back(client: "SFNClient", rollback: Rollback) -> None:
    """Point the alias at the earlier version."""
    client.update_state_machine_alias(
        stateMachineAliasArn=rollback.alias_arn,
        routingConfiguration=[{"stateMachineVersionArn": rollback.previous, "weight": 100}],
    )


def _number(version_arn: str) -> int:
    return int(version_arn.rpartition(":")[2])


def main() -> None:
    """Roll back one pipeline or both; exits with 1 when one has no earlier version."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--environment", required=True, choices=ENVIRONMENTS)
    parser.add_argument("--pipeline", choices=PIPELINES, help="both when left out")
    arguments = parser.parse_args()
    client = boto3.client("stepfunctions")
    pipelines = [arguments.pipeline] if arguments.pipeline else PIPELINES
    try:
        # Both are found before one is changed: a half rollback would be worse than none.
        rollbacks = [find_rollback(client, find_state_machine(name, arguments.environment)) for name in pipelines]
    except (LookupError, NoEarlierVersionError) as error:
        sys.exit(str(error))
    for pipeline, rollback in zip(pipelines, rollbacks, strict=True):
        roll_back(client, rollback)
        print(f"{pipeline}: version {_number(rollback.live)} -> {_number(rollback.previous)}")


if __name__ == "__main__":
    main()
