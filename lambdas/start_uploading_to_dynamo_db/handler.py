"""Starts the Glue run that pushes a snapshot's stages to DynamoDB, unless the table shows them already."""

import itertools
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Literal

import boto3
from aws_lambda_powertools.metrics import MetricUnit
from pydantic import AwareDatetime, NonNegativeInt, PositiveInt, TypeAdapter

from buyer_stage.domain.documents import PushReceipt
from buyer_stage.domain.errors import InvalidManifestError
from buyer_stage.domain.job_names import job_name
from buyer_stage.domain.s3_layout import inference_results_prefix, push_receipt_key
from buyer_stage.domain.snapshot_date import format_partition_value
from lambdas.common.documents import load_document
from lambdas.common.environment import Environment
from lambdas.common.events import ExecutionEvent, SnapshotDate
from lambdas.common.glue_runs import RUN_NAME_ARGUMENT, is_in_progress, latest_runs
from lambdas.common.wiring import lambda_handler, logger, metrics

if TYPE_CHECKING:
    from mypy_boto3_glue.type_defs import JobRunTypeDef


class Variables(Environment):
    """Environment of the function."""

    environment: str
    glue_job_name: str
    glue_max_retries: NonNegativeInt
    pipeline_bucket: str
    code_uri: str
    ttl_days: PositiveInt
    snapshots_before_stage_change: PositiveInt


class Event(ExecutionEvent):
    """Input of the state `StartUploadingToDynamoDB`."""

    execution_start_time: AwareDatetime
    snapshot_date: SnapshotDate
    transform_job_name: str
    model_version: str
    row_count: PositiveInt


@dataclass(frozen=True)
class Result:
    """The push to wait for.

    Attributes:
        status: `WAITING` while another push has to end first.
        run_name: the name that leads to the run's retries and to its receipt; None while waiting.
    """

    status: Literal["WAITING", "RUNNING", "SUCCEEDED"]
    run_name: str | None = None


glue, s3 = boto3.client("glue"), boto3.client("s3")
variables = Variables.load()
push_receipt = TypeAdapter(PushReceipt)


@lambda_handler
def handler(event: Event) -> Result:
    """Join the run that pushes the same items, reuse it if the table still shows them, or start the next attempt."""
    arguments = _arguments(event)
    runs = latest_runs(glue, variables.glue_job_name)
    attempts, next_name = _find_attempts(runs, arguments)
    result = _find_push(event, runs, attempts)
    is_new = result is None and _start(arguments, next_name)
    metrics.add_metric("PushRunsStarted", MetricUnit.Count, 1 if is_new else 0)
    if result is None:
        result = Result("RUNNING", next_name) if is_new else Result("WAITING")
    logger.info("push", status=result.status, run_name=result.run_name)
    return result


def _arguments(event: Event) -> dict[str, str]:
    """Return the arguments of the run, which decide the items that it writes."""
    root = f"s3://{variables.pipeline_bucket}"
    results = inference_results_prefix(event.snapshot_date, event.transform_job_name)
    # Items expire at the end of a day, so that all executions of one day write the same items.
    last_day = event.execution_start_time.astimezone(UTC).date() + timedelta(days=variables.ttl_days)
    expires_at = datetime.combine(last_day + timedelta(days=1), time(), UTC)
    return {
        # The code of this function's own version, whichever version the job was last deployed with.
        "--scriptLocation": f"{variables.code_uri}glue/push_to_dynamodb.py",
        "--extra-py-files": f"{variables.code_uri}libraries.zip",
        "--transform_output": f"{root}/{results}",
        "--pipeline_bucket": root,
        "--snapshot_date": format_partition_value(event.snapshot_date),
        "--model_version": event.model_version,
        "--expires_at_epoch_seconds": str(int(expires_at.timestamp())),
        "--ttl_days": str(variables.ttl_days),
        "--snapshots_before_stage_change": str(variables.snapshots_before_stage_change),
        "--expected_line_count": str(event.row_count),
    }


def _find_attempts(runs: "dict[str, JobRunTypeDef]", arguments: dict[str, str]) -> tuple[list[str], str]:
    """Return the names of the attempts at a push, the first one first, and the name of the next attempt."""
    work = [f"{name} {value}" for name, value in sorted(arguments.items())]
    names = (job_name(variables.environment, "push", *work, attempt=attempt) for attempt in itertools.count(1))
    attempts: list[str] = []
    while (name := next(names)) in runs:
        attempts.append(name)
    return attempts, name


def _find_push(event: Event, runs: "dict[str, JobRunTypeDef]", attempts: list[str]) -> Result | None:
    """Return the push to join, to reuse or to wait for; None when the next attempt can start."""
    now = datetime.now(UTC)
    in_progress = {name for name, run in runs.items() if is_in_progress(run, variables.glue_max_retries, now)}
    last = attempts[-1] if attempts else None
    if last in in_progress:
        return Result("RUNNING", last)
    # A run that was started later may have written other items.
    if (
        last is not None
        and last == list(runs)[-1]
        and runs[last]["JobRunState"] == "SUCCEEDED"
        and _is_complete(event, last)
    ):
        return Result("SUCCEEDED", last)
    return Result("WAITING") if in_progress else None


def _is_complete(event: Event, run_name: str) -> bool:
    """Check whether a run has accounted for every scored line."""
    key = push_receipt_key(event.snapshot_date, run_name)
    try:
        receipt = load_document(s3, variables.pipeline_bucket, key, push_receipt)
    except InvalidManifestError:
        return False
    return receipt is not None and receipt.find_loss() is None


def _start(arguments: dict[str, str], run_name: str) -> bool:
    """Start a run; return False when another execution was faster."""
    try:
        glue.start_job_run(JobName=variables.glue_job_name, Arguments={**arguments, RUN_NAME_ARGUMENT: run_name})
    except glue.exceptions.ConcurrentRunsExceededException:
        return False
    return True
