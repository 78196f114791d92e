"""The daily pipeline, end to end, on this machine: data, deployment, ETL, training, scoring, table, summary.

    python -m localcloud.demo --out build/demo [--members N --seed N] [--snapshot-date YYYYMMDD] [--datalake FOLDER]

Exits with 1 when anything failed. Stops everything it started, unless told to keep it running.
"""

import argparse
import contextlib
import json
import shutil
import sys
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import boto3
from rich.console import Console

from buyer_stage.domain.datalake import SURVEY_FILE
from buyer_stage.domain.errors import BuyerStageError
from buyer_stage.domain.snapshot_date import parse_snapshot_date, resolve_snapshot_date
from emr_steps.arguments import STEPS
from localcloud import cloud as local_cloud
from localcloud.demo.data_lake import count_distinct_members, newest_complete_snapshot
from localcloud.demo.export import export_run
from localcloud.demo.summary import Summary, print_summary, summarize
from localcloud.deployment import Deployment, deploy, upload_data_lake
from sample_data.generate import generate
from tools.execution import Execution, run
from tools.models import approve, choose, list_models

MARKER = ".demo"
"""Marks a folder as one that an earlier demo made, and this one may replace."""

LABELED_DAYS_BEFORE = timedelta(days=30)
"""How long before the scored day the synthetic survey was held."""


class DemoError(Exception):
    """The demo cannot start, or a pipeline that it started failed."""


def prepare_output_folder(out: Path) -> None:
    """Make an empty folder for the run's artefacts.

    Raises:
        DemoError: there is something that no demo has made, or a local cloud runs in it.
    """
    if local_cloud.is_running_in(out):
        raise DemoError(f"a local cloud is running in {out}; stop it with `make demo-down`, or choose another OUT")
    if out.exists() and any(out.iterdir()) and not (out / MARKER).exists():
        raise DemoError(f"{out} is not empty and no earlier demo made it; choose another OUT")
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    (out / MARKER).touch()


def prepare_data_lake(arguments: argparse.Namespace, console: Console) -> tuple[Path, date]:
    """Give the folder of the data lake and the snapshot to score: those asked for, or synthetic ones.

    Raises:
        DemoError: the folder that was asked for holds no survey or no complete snapshot.
    """
    if arguments.datalake is None:
        folder: Path = arguments.out / "datalake"
        snapshot_date = arguments.snapshot_date or resolve_snapshot_date(datetime.now(UTC))
        with step(console, f"generate the data lake: {arguments.members:,} members, seed {arguments.seed}"):
            generate(folder, arguments.members, snapshot_date, snapshot_date - LABELED_DAYS_BEFORE, arguments.seed)
        return folder, snapshot_date
    folder = arguments.datalake
    if not (folder / SURVEY_FILE).is_file():
        raise DemoError(f"{folder} holds no {SURVEY_FILE}; there is nothing to train on")
    return folder, arguments.snapshot_date or newest_complete_snapshot(folder)


@contextlib.contextmanager
def step(console: Console, title: str) -> Iterator[None]:
    """Show a step while it lasts and its seconds when it has ended."""
    started = time.monotonic()
    with console.status(title):
        yield
    console.print(f"[bold]{title}[/bold]  {time.monotonic() - started:.1f} s")


def run_pipelines(deployment: Deployment, snapshot_date: date, console: Console) -> dict[str, Execution]:
    """Run the ETL state machine, then, when it has succeeded, the ML state machine.

    A model that waits for approval is approved, because nobody is there to read its card, and ML runs once more.
    """
    snapshot = {"snapshot_date": f"{snapshot_date:%Y%m%d}"}
    records = {"etl": run(deployment.etl_state_machine_arn, {**snapshot, "steps_to_run": list(STEPS)}, console)}
    if records["etl"].status == "SUCCEEDED":
        records["ml"] = run(deployment.ml_state_machine_arn, snapshot, console)
        if records["ml"].error == "ModelNotApproved":
            console.print("the gate leaves it to a person: approving by hand, as `make approve-model` does")
            sagemaker = boto3.client("sagemaker")
            approve(sagemaker, choose(list_models(sagemaker, "local"), None), "approved by the demo")
            records["ml"] = run(deployment.ml_state_machine_arn, snapshot, console)
    return records


def demo(arguments: argparse.Namespace, console: Console) -> Summary:
    """Run everything once and leave its artefacts in the output folder.

    Raises:
        DemoError: a pipeline failed; the artefacts so far are there all the same.
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
        with step(console, "deploy with Terraform, environment local"):
            deployment = deploy(arguments.out)
        with step(console, "upload the data lake"):
            upload_data_lake(data_lake, deployment.datalake_bucket)
        records = run_pipelines(deployment, snapshot_date, console)
        export_run(deployment, records, arguments.out)
        failed = [name for name, record in records.items() if record.status != "SUCCEEDED"]
        if failed:
            raise DemoError(
                f"the {failed[0]} execution {records[failed[0]].status}; histories and logs: {arguments.out}"
            )
        summary = summarize(
            arguments.out, deployment, records, snapshot_date, count_distinct_members(data_lake, snapshot_date)
        )
    summary.seconds = round(time.monotonic() - started, 1)
    (arguments.out / "summary.json").write_text(json.dumps(summary.as_document(), indent=2) + "\n")
    print_summary(summary, arguments.out, console)
    if arguments.keep_running:
        console.print(f"left running at {cloud.environment['AWS_ENDPOINT_URL']}; stop it with `make demo-down`")
    return summary


def main() -> None:
    """Read the command line and run the demo."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for the run's artefacts")
    parser.add_argument("--members", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--snapshot-date", type=parse_snapshot_date, help="YYYYMMDD")
    parser.add_argument("--datalake", type=Path, help="folder with cnsp/ and survey.csv instead of synthetic data")
    parser.add_argument("--keep-running", action="store_true")
    arguments = parser.parse_args()
    arguments.out = arguments.out.resolve()
    console = Console()
    try:
        summary = demo(arguments, console)
    except (DemoError, BuyerStageError, local_cloud.LocalCloudError) as error:
        console.print(f"[red]{error}[/red]", highlight=False, soft_wrap=True)
        sys.exit(1)
    if summary.problems:
        sys.exit(1)


if __name__ == "__main__":
    main()
