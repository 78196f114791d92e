"""Starts the Glue run that pushes a snapshot's stages to DynamoDB."""

from dataclasses import dataclass
from datetime import timedelta

import boto3
from aws_lambda_powertools.metrics import MetricUnit
from pydantic import AwareDatetime, PositiveInt

from buyer_stage.domain.job_names import job_name
from buyer_stage.domain.s3_layout import inference_results_prefix
from buyer_stage.domain.snapshot_date import format_partition_value
from lambdas.common.environment import Environment
from lambdas.common.events import ExecutionEvent, SnapshotDate
from lambdas.common.glue_runs import RUN_NAME_ARGUMENT, latest_run
from lambdas.common.wiring import lambda_handler, logger, metrics


class Variables(Environment):
    """Environment of the function."""

    glue_job_name: str
    pipeline_bucket: str
    code_uri: str
    ttl_days: PositiveInt


class Event(ExecutionEvent):
    """Input of the state `StartUploadingToDynamoDB`."""

    execution_start_time: AwareDatetime
    snapshot_date: SnapshotDate
    transform_job_name: str
    model_version: str
    row_count: PositiveInt


@dataclass(frozen=True)
class Result:
    """The run to wait for.

    Attributes:
        job_run_id: the id that Glue gave the run.
        run_name: the name that leads to the run's retries and to its receipt.
    """

    job_run_id: str
    run_name: str


glue = boto3.client("glue")
variables = Variables.load()


@lambda_handler
def handler(event: Event) -> Result:
    """Start the execution's Glue run, or find the one that an earlier attempt started."""
    run_name = job_name("buyer-stage-push", event.execution_name)
    run = latest_run(glue, variables.glue_job_name, run_name)
    metrics.add_metric("PushRunsStarted", MetricUnit.Count, 1 if run is None else 0)
    if run is not None:
        run_id = run["Id"]
    else:
        root = f"s3://{variables.pipeline_bucket}"
        results = inference_results_prefix(event.snapshot_date, event.transform_job_name)
        # Counted from the execution's start, so that a retry writes every item with the same expiry.
        expires_at = event.execution_start_time + timedelta(days=variables.ttl_days)
        run_id = glue.start_job_run(
            JobName=variables.glue_job_name,
            Arguments={
                # The code of this function's own version, whichever version the job was last deployed with.
                "--scriptLocation": f"{variables.code_uri}glue/push_to_dynamodb.py",
                "--extra-py-files": f"{variables.code_uri}libraries.zip",
                "--transform_output": f"{root}/{results}",
                "--pipeline_bucket": root,
                "--snapshot_date": format_partition_value(event.snapshot_date),
                "--model_version": event.model_version,
                "--expires_at_epoch_seconds": str(int(expires_at.timestamp())),
                "--ttl_days": str(variables.ttl_days),
                "--expected_line_count": str(event.row_count),
                RUN_NAME_ARGUMENT: run_name,
            },
        )["JobRunId"]
    logger.info("Glue run", job_run_id=run_id, run_name=run_name)
    return Result(run_id, run_name)
