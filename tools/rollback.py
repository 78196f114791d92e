"""Return an environment's state machines to the version before the live one.

python -m tools.rollback --environment prod [--pipeline etl|ml]

A version of a state machine refers to versions of the functions and to the code of EMR and Glue, so all of them return
with it. Revert the change in the repository too: otherwise the next `make apply` deploys it again.
"""

import argparse
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3

from tools.environment import require
from tools.execution import PIPELINES, find_state_machine, live_alias
from tools.terraform import ENVIRONMENTS

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient


class NoEarlierVersionError(Exception):
    """The live version is the first one."""


@dataclass(frozen=True)
class Rollback:
    """A move of an alias from the live version to the previous one; every attribute is an ARN."""

    alias_arn: str
    live: str
    previous: str


def find_rollback(client: "SFNClient", state_machine_arn: str) -> Rollback:
    """Find the version that was published before the live one.

    Raises:
        NoEarlierVersionError: the live version is the first one.
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
        raise NoEarlierVersionError(f"{live} is the first version of its state machine, so there is no earlier one")
    return Rollback(alias_arn, live, max(earlier, key=_number))


def roll_back(client: "SFNClient", rollback: Rollback) -> None:
    """Point the alias at the previous version."""
    client.update_state_machine_alias(
        stateMachineAliasArn=rollback.alias_arn,
        routingConfiguration=[{"stateMachineVersionArn": rollback.previous, "weight": 100}],
    )


def _number(version_arn: str) -> int:
    return int(version_arn.rpartition(":")[2])


def main() -> None:
    """Roll back one pipeline or both; exit with 1 when one has no earlier version."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--environment", required=True, choices=ENVIRONMENTS)
    parser.add_argument("--pipeline", choices=PIPELINES, help="default: both")
    arguments = parser.parse_args()
    require(arguments.environment)
    client = boto3.client("stepfunctions")
    pipelines = [arguments.pipeline] if arguments.pipeline else PIPELINES
    try:
        # Find both before changing one: a rollback of one alone would be worse than none.
        rollbacks = [find_rollback(client, find_state_machine(name, arguments.environment)) for name in pipelines]
    except (LookupError, NoEarlierVersionError) as error:
        sys.exit(str(error))
    for pipeline, rollback in zip(pipelines, rollbacks, strict=True):
        roll_back(client, rollback)
        print(f"{pipeline}: version {_number(rollback.live)} -> {_number(rollback.previous)}")


if __name__ == "__main__":
    main()
