"""Tells whether the push still runs and, at its end, accounts for every record of it."""

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import NonNegativeInt, TypeAdapter

from buyer_stage.domain.documents import PushReceipt
from buyer_stage.domain.errors import JobFailedError, ScoredLinesLostError
from buyer_stage.domain.s3_layout import push_receipt_key
from lambdas.common.documents import load_document
from lambdas.common.environment import Environment
from lambdas.common.errors import named_errors
from lambdas.common.events import ExecutionEvent, SnapshotDate
from lambdas.common.glue_runs import is_at_work, latest_run


class Variables(Environment):
    """Environment of the function."""

    pipeline_bucket: str
    glue_job_name: str
    glue_max_retries: NonNegativeInt


class Event(ExecutionEvent):
    """Input of the state `CheckUploadingToDynamoDBStatus`."""

    snapshot_date: SnapshotDate
    job_run_id: str
    run_name: str


logger, tracer, metrics = Logger(), Tracer(), Metrics()
glue, s3 = boto3.client("glue"), boto3.client("s3")
variables = Variables.load()
push_receipt = TypeAdapter(PushReceipt)


@logger.inject_lambda_context(correlation_id_path="execution_name")
@tracer.capture_lambda_handler
@metrics.log_metrics
@named_errors()
@event_parser(model=Event)
def handler(event: Event, context: LambdaContext) -> dict[str, object]:
    """Ask Glue once; the waiting is the state machine's. A run that succeeded must show its receipt.

    Returns:
        `status`: `RUNNING`, or `SUCCEEDED` with the counts `read`, `written`, `quarantined` and `failed`.

    Raises:
        JobFailedError: the run failed, and Glue is not going to try again.
        ScoredLinesLostError: the receipt is missing, does not add up or counts records that could not be written.
    """
    run = latest_run(glue, variables.glue_job_name, event.run_name)
    if run is None:
        raise JobFailedError(f"Glue knows no run {event.job_run_id} of {variables.glue_job_name}")
    at_work = is_at_work(run, variables.glue_max_retries)
    metrics.add_metric("PushRunsInProgress", MetricUnit.Count, 1 if at_work else 0)
    if at_work:
        return {"status": "RUNNING"}
    if run["JobRunState"] != "SUCCEEDED":
        reason = run.get("ErrorMessage", "Glue gives no reason")
        raise JobFailedError(f"Glue run {run['Id']} is {run['JobRunState']}: {reason}")
    receipt = _load_receipt(event)
    counts = {
        "read": receipt.read,
        "written": receipt.written,
        "quarantined": receipt.quarantined,
        "failed": receipt.failed,
    }
    for outcome, count in counts.items():
        metrics.add_metric(f"Records{outcome.title()}", MetricUnit.Count, count)
    for stage, count in receipt.stages.items():
        metrics.add_metric(f"Members{stage.title().replace(' ', '')}", MetricUnit.Count, count)
    if receipt.failed or receipt.read != receipt.written + receipt.quarantined + receipt.failed:
        raise ScoredLinesLostError(f"the receipt of {event.run_name} does not account for every record: {counts}")
    return {"status": "SUCCEEDED", **counts}


def _load_receipt(event: Event) -> PushReceipt:
    key = push_receipt_key(event.snapshot_date, event.run_name)
    receipt = load_document(s3, variables.pipeline_bucket, key, push_receipt)
    if receipt is None:
        raise ScoredLinesLostError(f"Glue run {event.job_run_id} succeeded without a receipt at {key}")
    return receipt
