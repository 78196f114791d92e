"""Checks whether the push still runs and, when it has ended, that its receipt accounts for every scored line."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import boto3
from aws_lambda_powertools.metrics import MetricUnit
from pydantic import NonNegativeInt, TypeAdapter

from buyer_stage.domain.documents import PushReceipt
from buyer_stage.domain.errors import JobFailedError, ScoredLinesLostError
from buyer_stage.domain.s3_layout import push_receipt_key
from lambdas.common.documents import load_document
from lambdas.common.environment import Environment
from lambdas.common.events import ExecutionEvent, SnapshotDate
from lambdas.common.glue_runs import is_in_progress, latest_runs
from lambdas.common.wiring import lambda_handler, metrics


class Variables(Environment):
    """Environment of the function."""

    pipeline_bucket: str
    glue_job_name: str
    glue_max_retries: NonNegativeInt


class Event(ExecutionEvent):
    """Input of the state `CheckUploadingToDynamoDBStatus`."""

    snapshot_date: SnapshotDate
    run_name: str


@dataclass(frozen=True)
class Result:
    """A status that the state machine does not have to fail on.

    Attributes:
        status: of the push.
        read: scored lines read. This and the other counts are None until the push has succeeded.
        written: scored lines written as items.
        quarantined: scored lines refused.
        failed: scored lines that DynamoDB did not accept.
        suppressed: scored lines of suppressed members.
    """

    status: Literal["RUNNING", "SUCCEEDED"]
    read: int | None = None
    written: int | None = None
    quarantined: int | None = None
    failed: int | None = None
    suppressed: int | None = None


glue, s3 = boto3.client("glue"), boto3.client("s3")
variables = Variables.load()
push_receipt = TypeAdapter(PushReceipt)


@lambda_handler
def handler(event: Event) -> Result:
    """Ask Glue once; the state machine does the waiting. A run that succeeded must account for every scored line.

    Raises:
        JobFailedError: the run failed and Glue does not retry it, or it ended without a receipt.
        ScoredLinesLostError: the receipt does not add up or counts scored lines that could not be written.
    """
    run = latest_runs(glue, variables.glue_job_name).get(event.run_name)
    if run is None:
        raise JobFailedError(
            f"Glue has no run {event.run_name} of {variables.glue_job_name}; start the execution again"
        )
    in_progress = is_in_progress(run, variables.glue_max_retries, datetime.now(UTC))
    metrics.add_metric("PushRunsInProgress", MetricUnit.Count, 1 if in_progress else 0)
    if in_progress:
        return Result("RUNNING")
    if run["JobRunState"] != "SUCCEEDED":
        reason = run.get("ErrorMessage", "Glue gives no reason")
        raise JobFailedError(
            f"Glue run {run['Id']} is {run['JobRunState']}: {reason}; read the run's log and start the execution again"
        )
    key = push_receipt_key(event.snapshot_date, event.run_name)
    receipt = load_document(s3, variables.pipeline_bucket, key, push_receipt)
    if receipt is None:
        raise JobFailedError(
            f"Glue run {run['Id']} has ended without {key}; read the error in the run's log, correct its cause and "
            "start the execution again"
        )
    counts = {
        "read": receipt.read,
        "written": receipt.written,
        "quarantined": receipt.quarantined,
        "failed": receipt.failed,
        "suppressed": receipt.suppressed,
    }
    for outcome, count in counts.items():
        metrics.add_metric(f"ScoredLines{outcome.title()}", MetricUnit.Count, count)
    for stage, count in receipt.stages.items():
        metrics.add_metric(f"Members{stage.title().replace(' ', '')}", MetricUnit.Count, count)
    if loss := receipt.find_loss():
        raise ScoredLinesLostError(
            f"{event.run_name} lost scored lines: {loss}; correct the cause (throttling is on the dashboard) and start "
            "the execution again, which pushes them again"
        )
    return Result("SUCCEEDED", **counts)
