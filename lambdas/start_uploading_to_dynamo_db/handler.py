"""Starts the Glue run that pushes a snapshot's stages to DynamoDB, unless the table shows them already."""

from datetime import UTC, datetime

import boto3
from pydantic import Field, PositiveInt

from buyer_stage.domain.s3_layout import inference_results_prefix
from buyer_stage.domain.serving_documents import PushKind
from lambdas.common.events import SnapshotDate
from lambdas.common.pushes import PushEvent, PushVariables, StartedPush, common_arguments, read_serving, start_push
from lambdas.common.wiring import lambda_handler


class Variables(PushVariables):
    """Environment of the function."""

    snapshots_before_stage_change: PositiveInt


class Event(PushEvent):
    """Input of the state `StartUploadingToDynamoDB`.

    Attributes:
        snapshot_date: the snapshot that was scored.
        transform_job_name: the transform that scored it.
        model_version: the model that scored it.
        row_count: members whose features the ETL wrote.
        serve_anyway: why a person has the day served although it breaks rules of the audit; None without a reason.
    """

    snapshot_date: SnapshotDate
    transform_job_name: str
    model_version: str
    row_count: PositiveInt
    serve_anyway: str | None = Field(default=None, min_length=1, max_length=200)


glue, s3 = boto3.client("glue"), boto3.client("s3")
variables = Variables.load()


@lambda_handler
def handler(event: Event) -> StartedPush:
    """Start or find the push of a snapshot's scored lines.

    Raises:
        InvalidManifestError: the document that names the live state is damaged.
    """
    results = inference_results_prefix(event.snapshot_date, event.transform_job_name)
    arguments = {
        **common_arguments(variables, event, PushKind.SCORES, event.snapshot_date),
        "--transform_output": f"s3://{variables.pipeline_bucket}/{results}",
        "--model_version": event.model_version,
        "--expected_line_count": str(event.row_count),
        "--snapshots_before_stage_change": str(variables.snapshots_before_stage_change),
    }
    if event.serve_anyway is not None:
        arguments["--serve_anyway"] = event.serve_anyway
    return start_push(glue, variables, event, read_serving(glue, s3, variables, datetime.now(UTC)), arguments)
