"""Run the whole pipeline on this machine: data lake, deployment, ETL, training, scoring, push and receipts.

    python -m localcloud.demo --out build/demo [--members N --seed N] [--snapshot-date YYYYMMDD] [--days N]
        [--datalake FOLDER]

The exit code is 1 if anything fails. Without `--keep-running`, the demo stops everything it started.
"""

import argparse
import contextlib
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
from rich.console import Console

from buyer_stage.domain.datalake import SURVEY_FILE
from buyer_stage.domain.errors import BuyerStageError
from buyer_stage.domain.snapshot_date import parse_snapshot_date, resolve_snapshot_date
from emr_steps.arguments import STEPS
from localcloud import cloud as local_cloud
from localcloud.demo.data_lake import count_distinct_members, newest_complete_snapshot
from localcloud.demo.export import export_run
from localcloud.demo.product_team import print_team, subscribe, visit
from localcloud.demo.receipts import find_page, find_problems, read_receipt
from localcloud.deployment import Deployment, deployed, upload_data_lake
from sample_data.generate import generate
from sample_data.next_day import generate_next_day
from tools.execution import Execution, run
from tools.models import approve, choose, list_models
from tools.summary import print_summary

MARKER = ".demo"
"""File that marks the output folder of a demo, which the next demo can replace."""

SHOWN_ITEMS = 3
"""How many items of the table to show."""

PLAIN: dict[str, Any] = {"highlight": False, "soft_wrap": True}

LABELED_DAYS_BEFORE = timedelta(days=30)
"""How long before the scored snapshot the synthetic survey took place."""


class DemoError(Exception):
    """The demo cannot start, or one of its executions failed."""


def prepare_output_folder(out: Path) -> None:
    """Create an empty folder for the output of the run.

    Raises:
        DemoError: The folder has content that is not from a demo, or a local cloud runs in it.
    """
    if local_cloud.is_running_in(out):
        raise DemoError(f"a local cloud is running in {out}; stop it with `make demo-down`, or choose another OUT")
    if out.exists() and any(out.iterdir()) and not (out / MARKER).exists():
        raise DemoError(f"{out} is not empty and is not the output of a demo; choose another OUT")
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    out.chmod(local_cloud.OWNER_ONLY)  # It holds the data lake, and everything about its members.
    (out / MARKER).touch()


def prepare_data_lake(arguments: argparse.Namespace, console: Console) -> tuple[Path, date]:
    """Return the folder of the data lake and the snapshot to score. Without a requested folder, generate one.

    Raises:
        DataLakeError: The requested folder has no complete snapshot.
        DemoError: The requested folder has no survey.
    """
    if arguments.datalake is None:
        folder: Path = arguments.out / "datalake"
        snapshot_date = arguments.snapshot_date or resolve_snapshot_date(datetime.now(UTC))
        with step(console, f"Generate a data lake of {arguments.members:,} members (seed {arguments.seed})"):
            generate(folder, arguments.members, snapshot_date, snapshot_date - LABELED_DAYS_BEFORE, arguments.seed)
        return folder, snapshot_date
    folder = arguments.datalake
    if not (folder / SURVEY_FILE).is_file():
        raise DemoError(f"{folder} has no {SURVEY_FILE}; add the survey, which the model is trained on")
    return folder, arguments.snapshot_date or newest_complete_snapshot(folder)


@contextlib.contextmanager
def step(console: Console, title: str) -> Iterator[None]:
    """Show the title of a step while it runs, and its duration when it ends."""
    started = time.monotonic()
    with console.status(title):
        yield
    console.print(f"[bold]{title}[/bold]  {time.monotonic() - started:.1f} s")


def run_pipelines(
    deployment: Deployment, snapshot_date: date, console: Console, **etl_input: object
) -> dict[str, Execution]:
    """Run the ETL, whose input can have more fields, and, if it succeeds, the ML pipeline.

    If the gate leaves the model to a person, approve the model, because a demo runs unattended, and run ML again.
    """
    snapshot = {"snapshot_date": f"{snapshot_date:%Y%m%d}"}
    executions = {"etl": run(deployment.etl_state_machine_arn, {**snapshot, **etl_input}, console)}
    if executions["etl"].status == "SUCCEEDED":
        executions["ml"] = run(deployment.ml_state_machine_arn, snapshot, console)
        if executions["ml"].error == "ModelNotApproved":
            console.print("The gate leaves the model to a person. The demo approves it, as `make approve-model` does.")
            sagemaker = boto3.client("sagemaker")
            approve(sagemaker, choose(list_models(sagemaker, "local"), None), "approved by the demo")
            executions["ml"] = run(deployment.ml_state_machine_arn, snapshot, console)
    return executions


def find_failed(executions: dict[str, Execution]) -> str | None:
    """Return the pipeline that failed; None if none did."""
    return next((name for name, execution in executions.items() if execution.status != "SUCCEEDED"), None)


def run_days(
    deployment: Deployment, data_lake: Path, snapshot_date: date, arguments: argparse.Namespace, console: Console
) -> dict[date, dict[str, Execution]]:
    """Run the pipelines for each day, until one fails, and return their executions."""
    days: dict[date, dict[str, Execution]] = {}
    while True:
        with step(console, "Upload the data lake"):
            upload_data_lake(data_lake, deployment.datalake_bucket)
        etl_input = {} if days else {"steps_to_run": list(STEPS)}
        days[snapshot_date] = run_pipelines(deployment, snapshot_date, console, **etl_input)
        if find_failed(days[snapshot_date]) or len(days) == arguments.days:
            return days
        snapshot_date = generate_next_day(data_lake, snapshot_date, arguments.seed)


def demo(arguments: argparse.Namespace, console: Console) -> list[str]:
    """Run the pipeline for each day, write its results to the output folder, and return what does not add up.

    Raises:
        DemoError: An execution failed. The output folder has the results so far.
    """
    started = time.monotonic()
    if arguments.keep_running:
        local_cloud.down()
    prepare_output_folder(arguments.out)
    data_lake, snapshot_date = prepare_data_lake(arguments, console)
    with contextlib.ExitStack() as stack:
        if arguments.keep_running:
            cloud = local_cloud.start(arguments.out / "localcloud", local_cloud.free_port(local_cloud.DEFAULT_PORT))
            local_cloud.remember(cloud)
            local_cloud.use(cloud)
        else:
            cloud = stack.enter_context(local_cloud.running(arguments.out / "localcloud"))
        with step(console, "Deploy with Terraform (environment local)"):
            deployment = stack.enter_context(deployed(arguments.out))
        # Receiving the events of the first day takes seconds, which the demo of one day does not have.
        queue = subscribe() if arguments.days > 1 else None
        days = run_days(deployment, data_lake, snapshot_date, arguments, console)
        with step(console, "Wait for the end of Terraform"):
            deployment.applied.result()
        items = export_run(deployment, days, arguments.out)
        bucket = arguments.out / "s3" / deployment.pipeline_bucket
        snapshot_date, executions = list(days.items())[-1]
        page = find_page(bucket, snapshot_date, executions)
        if failed := find_failed(executions):
            raise DemoError(
                f"{failed.upper()} execution {executions[failed].status}. Its receipt: {page or 'not written'}. "
                f"Histories and logs: {arguments.out}"
            )
        receipts = [read_receipt(bucket, day, executions["ml"]) for day, executions in days.items()]
        pushes = [receipt.push for receipt in receipts if receipt.push]
        team = None if queue is None else visit(queue, deployment.lookup_url, pushes)
    for receipt in receipts:
        print_summary(receipt, console)
    show_items(items, console)
    members = count_distinct_members(data_lake, snapshot_date)
    problems = find_problems(receipts[-1], bucket, distinct_members=members, items=len(items))
    if team is not None:
        print_team(team, console)
        problems += team.problems
    for problem in problems:
        console.print(f"[red]Does not add up: {problem}[/red]")
    seconds = time.monotonic() - started
    console.print(f"Finished in {seconds:.0f} s. Results, histories and logs: {arguments.out}", **PLAIN)
    console.print(f"Its receipt as a page: {page}", **PLAIN)
    if arguments.keep_running:
        console.print(f"The local cloud keeps running on port {cloud.port}; stop it with `make demo-down`")
    return problems


def show_items(items: Sequence[dict[str, Any]], console: Console) -> None:
    """Print a few items of the table."""
    console.print("[bold]Items of the table[/bold]")
    for item in items[:SHOWN_ITEMS]:
        console.print(f"{item['member_id']}  {item['value']}  {item['confidence']:.2f}", **PLAIN)
    console.print()


def main() -> None:
    """Run the demo with the arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for the results of the run")
    parser.add_argument("--members", type=int, default=20_000, help="members of the synthetic data lake")
    parser.add_argument("--seed", type=int, default=7, help="seed of the synthetic data lake")
    parser.add_argument("--snapshot-date", type=parse_snapshot_date, help="snapshot to score, YYYYMMDD")
    parser.add_argument("--datalake", type=Path, help="folder with cnsp/ and survey.csv, instead of synthetic data")
    parser.add_argument("--days", type=int, default=1, help="snapshots to run, one day after the other; default 1")
    parser.add_argument("--keep-running", action="store_true", help="keep the local cloud running")
    arguments = parser.parse_args()
    if arguments.days < 1 or (arguments.days > 1 and arguments.datalake):
        parser.error("--days is 1 or more, and more than 1 only with generated data")
    arguments.out = arguments.out.resolve()
    console = Console()
    try:
        problems = demo(arguments, console)
    except (DemoError, BuyerStageError, local_cloud.LocalCloudError) as error:
        console.print(f"[red]{error}[/red]", **PLAIN)
        sys.exit(1)
    if problems:
        sys.exit(1)


if __name__ == "__main__":
    main()
