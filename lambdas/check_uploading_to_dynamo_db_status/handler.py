"""Checks whether the push still runs and, when it has ended, that its receipt accounts for every line or row.

A day that the audit has held from the table is an error, too: a person must look at it.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

import boto3
from aws_lambda_powertools.metrics import MetricUnit
from pydantic import NonNegativeInt, TypeAdapter

from buyer_stage.domain.audit import SNAPSHOT_DATE_RULE
from buyer_stage.domain.errors import JobFailedError, ScoredLinesLostError, ScoresHeldError
from buyer_stage.domain.s3_layout import push_receipt_key, quarantine_prefix
from buyer_stage.domain.serving_documents import PushKind, PushReceipt
from buyer_stage.domain.snapshot_date import format_partition_value
from lambdas.common.documents import load_document
from lambdas.common.environment import Environment
from lambdas.common.events import ExecutionEvent, SnapshotDate
from lambdas.common.glue_runs import is_in_progress, latest_runs
from lambdas.common.wiring import lambda_handler, metrics

if TYPE_CHECKING:
    from mypy_boto3_glue.type_defs import JobRunTypeDef


class Variables(Environment):
    """Environment of the function."""

    environment: str
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
        read: lines or rows read. This and the other counts are None until the push has succeeded.
        written: items written for them.
        unchanged: lines or rows whose item the table had already.
        quarantined: lines refused.
        failed: items that DynamoDB did not accept.
        suppressed: lines or rows of suppressed members.
        changed_items: all items that the push has written, corrected or deleted.
    """

    status: Literal["RUNNING", "SUCCEEDED"]
    read: int | None = None
    written: int | None = None
    unchanged: int | None = None
    quarantined: int | None = None
    failed: int | None = None
    suppressed: int | None = None
    changed_items: int | None = None


glue, s3 = boto3.client("glue"), boto3.client("s3")
variables = Variables.load()
push_receipt = TypeAdapter(PushReceipt)


@lambda_handler
def handler(event: Event) -> Result:
    """Ask Glue once; the state machine does the waiting. A run that succeeded must account for every line or row.

    Raises:
        JobFailedError: the run failed and Glue does not retry it, or it ended without a receipt.
        ScoresHeldError: the day breaks rules of the audit.
        ScoredLinesLostError: the receipt does not add up or counts items or events that could not be written or sent.
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
    receipt = _load_receipt(event, run)
    counts = {
        "read": receipt.read,
        "written": receipt.written,
        "unchanged": receipt.unchanged,
        "quarantined": receipt.quarantined,
        "failed": receipt.failed,
        "suppressed": receipt.suppressed,
    }
    _emit(receipt, counts)
    if receipt.held:
        raise ScoresHeldError(_explain(event, receipt))
    if loss := receipt.find_loss():
        raise ScoredLinesLostError(
            f"{event.run_name} is incomplete: {loss}; correct the cause (throttling is on the dashboard) and start the "
            "execution again, which pushes what is missing"
        )
    return Result("SUCCEEDED", **counts, changed_items=receipt.written + receipt.corrected + receipt.deleted)


def _load_receipt(event: Event, run: "JobRunTypeDef") -> PushReceipt:
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
    return receipt


def _emit(receipt: PushReceipt, counts: dict[str, int]) -> None:
    """Count what became of the lines and items. A rollback reads no scored lines."""
    if receipt.kind is PushKind.SCORES:
        for outcome, count in counts.items():
            metrics.add_metric(f"ScoredLines{outcome.title()}", MetricUnit.Count, count)
        metrics.add_metric("DaysHeld", MetricUnit.Count, 1 if receipt.held else 0)
    metrics.add_metric("ChangeEventsSent", MetricUnit.Count, receipt.events_sent)
    metrics.add_metric("ChangeEventsFailed", MetricUnit.Count, receipt.events_failed)
    metrics.add_metric("ItemsDeleted", MetricUnit.Count, receipt.deleted)
    metrics.add_metric("ItemsCorrected", MetricUnit.Count, receipt.corrected)
    for stage, count in receipt.stages.items():
        metrics.add_metric(f"Members{stage.title().replace(' ', '')}", MetricUnit.Count, count)


def _explain(event: Event, receipt: PushReceipt) -> str:
    """Return what a person needs to decide about a held day. The notification shows it line by line."""
    day = format_partition_value(event.snapshot_date)
    broken = [result for result in receipt.audit if result.is_broken()]
    bucket = f"s3://{variables.pipeline_bucket}"
    quarantine = quarantine_prefix(event.snapshot_date, event.run_name)
    loss = receipt.find_loss()
    if SNAPSHOT_DATE_RULE in [result.rule for result in broken]:
        remedy = [
            "A later day is live, and serve_anyway does not change that. To bring back what the table held for this",
            "day, if it was ever served:",
            f"  make rollback-scores ENV={variables.environment} TO={day}",
        ]
    else:
        remedy = [
            "If a rule is broken because the data is wrong, have it fixed and run the day again. If the scores are",
            "right, start the ML pipeline with this input, which records the reason:",
            f'  {{"snapshot_date": "{day}", "serve_anyway": "<the reason, up to 200 characters>"}}',
        ]
    return "\n".join(
        [
            f"the scores of {event.snapshot_date} are held, and the table keeps its stages. Broken rules of the audit:",
            *[f"- {result.describe()}" for result in broken],
            *([f"- {loss}"] if loss else []),
            "",
            'Look at the day (docs/operations.md, "A day is held"):',
            f'  aws s3 cp "{bucket}/{push_receipt_key(event.snapshot_date, event.run_name)}" -',
            f'  aws s3 cp --recursive "{bucket}/{quarantine}" build/quarantine/',
            "",
            *remedy,
        ]
    )
