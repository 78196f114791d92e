"""Find members everywhere in an environment, or forget them.

python -m tools.members find --environment dev --members FILE
python -m tools.members forget --environment dev --members FILE

The file has one member id per line, in UTF-8. `find` changes nothing. `forget` can be interrupted and run again. Both
need the rights of the role `buyer-stage-erasure-ENVIRONMENT`; docs/privacy.md says how to take it.
"""

import argparse
import sys
from collections.abc import Set
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import boto3
from botocore.exceptions import ClientError
from rich.console import Console
from rich.table import Table

from buyer_stage.domain.errors import BuyerStageError, InvalidInputError
from buyer_stage.domain.s3_layout import erasure_receipt_key
from tools.environment import require
from tools.members.bucket import Bucket
from tools.members.forgetting import Deployed, ExecutionRunningError, find, forget
from tools.terraform import ENVIRONMENTS


def read_members(file: Path) -> Set[str]:
    """Read member ids, one per line.

    Raises:
        InvalidInputError: the file does not exist, is not UTF-8, or has no member id.
    """
    try:
        members = {line.rstrip("\r") for line in file.read_text(encoding="utf-8").split("\n")} - {""}
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{file} cannot be read: {type(error).__name__}; name a file in UTF-8") from error
    if not members:
        raise InvalidInputError(f"{file} is empty; write one member id per line")
    return members


def deployed(environment: str) -> Deployed:
    """Return where an environment keeps members."""
    account = boto3.client("sts").get_caller_identity()["Account"]
    return Deployed(
        environment=environment,
        bucket=Bucket(boto3.client("s3"), f"buyer-stage-ml-pipeline-{environment}-{account}"),
        table=f"buyer-stage-ml-pipeline-results-{environment}",
        secret=f"buyer-stage-suppression-key-{environment}",
        dynamodb=boto3.resource("dynamodb"),
        secrets=boto3.client("secretsmanager"),
        sagemaker=boto3.client("sagemaker"),
        executions=partial(find_executions, environment),
    )


def find_executions(environment: str, pipeline: str, since: datetime) -> list[str]:
    """Return the ARNs of a pipeline's executions that are running or have started since a time."""
    states, account = boto3.client("stepfunctions"), boto3.client("sts").get_caller_identity()["Account"]
    name = f"buyer-stage-{pipeline}-pipeline-{environment}"
    machine = f"arn:aws:states:{states.meta.region_name}:{account}:stateMachine:{name}"
    return [
        execution["executionArn"]
        for page in states.get_paginator("list_executions").paginate(stateMachineArn=machine)
        for execution in page["executions"]
        if execution["status"] == "RUNNING" or execution["startDate"] >= since
    ]


def show_found(environment: str, members: Set[str], console: Console) -> None:
    """Print where members are and how often."""
    items, found = find(deployed(environment), members, lambda text: console.print(text, style="dim"))
    table = Table("where", "objects", "older versions", "rows")
    table.add_row("the serving table", str(items), "", str(items))
    for prefix, held in found.items():
        table.add_row(prefix, str(held.objects), str(held.old_versions), str(held.rows))
    console.print(table)


def forget_members(environment: str, members: Set[str], console: Console) -> None:
    """Forget members and print what was removed."""
    receipt = forget(
        deployed(environment),
        members,
        lambda: datetime.now(UTC),
        lambda text: console.print(f"forgetting: {text}", style="dim"),
    )
    for prefix, erased in receipt.erased.items():
        console.print(
            f"{prefix}: {erased.objects} written again, {erased.versions} versions deleted, {erased.rows} rows"
        )
    console.print(f"{receipt.items_deleted} items deleted. Receipt: {erasure_receipt_key(receipt.ended_at)}")


def main() -> None:
    """Find or forget the members of a file; exit with 1 when the work is not complete."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["find", "forget"])
    parser.add_argument("--environment", required=True, choices=ENVIRONMENTS)
    parser.add_argument("--members", required=True, type=Path, help="file with one member id per line")
    arguments = parser.parse_args()
    require(arguments.environment)
    act = {"find": show_found, "forget": forget_members}[arguments.action]
    try:
        act(arguments.environment, read_members(arguments.members), Console())
    except (BuyerStageError, ExecutionRunningError) as error:
        sys.exit(str(error))
    except ClientError as error:
        sys.exit(f"{error}. Nothing is lost: run the command again.")


if __name__ == "__main__":
    main()
