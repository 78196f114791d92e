"""Starts the batch transform that scores a snapshot's members."""

from dataclasses import dataclass

import boto3
from aws_lambda_powertools.metrics import MetricUnit
from pydantic import Field

from buyer_stage.domain.features import TRANSFORM_INPUT_FILTER
from buyer_stage.domain.s3_layout import PART_FILE_PREFIX, features_prefix, inference_results_prefix
from buyer_stage.domain.transform_output import OUTPUT_FILTER
from lambdas.common.batch_transforms import TransformVariables, start_transform
from lambdas.common.events import ExecutionEvent, SnapshotDate
from lambdas.common.wiring import lambda_handler, metrics


class Event(ExecutionEvent):
    """Input of the state `StartBatchTransformation`."""

    snapshot_date: SnapshotDate
    rows_checksum: str = Field(min_length=1)
    model_version: str


@dataclass(frozen=True)
class Result:
    """The job to wait for.

    Attributes:
        transform_job_name: its name.
        is_new: whether this call has started it.
    """

    transform_job_name: str
    is_new: bool


sagemaker, s3 = boto3.client("sagemaker"), boto3.client("s3")
variables = TransformVariables.load()


@lambda_handler
def handler(event: Event) -> Result:
    """Start the transform, or find the one that has scored or is scoring the same rows with the same model."""
    transform = start_transform(
        sagemaker,
        s3,
        variables,
        purpose="transform",
        work=(event.snapshot_date.isoformat(), event.rows_checksum),
        model_version=event.model_version,
        source=features_prefix(event.snapshot_date) + PART_FILE_PREFIX,
        output_folder=lambda job_name: inference_results_prefix(event.snapshot_date, job_name),
        data_processing={
            "InputFilter": TRANSFORM_INPUT_FILTER,
            "JoinSource": "Input",
            "OutputFilter": OUTPUT_FILTER,
        },
    )
    metrics.add_metric("TransformJobsStarted", MetricUnit.Count, 1 if transform.is_new else 0)
    return Result(transform.job_name, transform.is_new)
