"""Starts the batch transform that scores a snapshot's members."""

from dataclasses import dataclass

import boto3
from aws_lambda_powertools.metrics import MetricUnit

from buyer_stage.domain.features import TRANSFORM_INPUT_FILTER
from buyer_stage.domain.job_names import job_name
from buyer_stage.domain.s3_layout import PART_FILE_PREFIX, features_prefix, inference_results_prefix
from buyer_stage.domain.transform_output import OUTPUT_FILTER
from lambdas.common.batch_transforms import TransformVariables
from lambdas.common.events import ExecutionEvent, SnapshotDate
from lambdas.common.wiring import lambda_handler, logger, metrics


class Event(ExecutionEvent):
    """Input of the state `StartBatchTransformation`."""

    snapshot_date: SnapshotDate
    model_name: str


@dataclass(frozen=True)
class Result:
    """The job to wait for."""

    transform_job_name: str


sagemaker = boto3.client("sagemaker")
variables = TransformVariables.load()


@lambda_handler
def handler(event: Event) -> Result:
    """Start the execution's transform, or find the one that an earlier attempt started."""
    name = job_name("buyer-stage-transform", event.execution_name)
    request = variables.transform_request(
        name=name,
        model_name=event.model_name,
        source=features_prefix(event.snapshot_date) + PART_FILE_PREFIX,
        output=inference_results_prefix(event.snapshot_date, name),
        data_processing={
            "InputFilter": TRANSFORM_INPUT_FILTER,
            "JoinSource": "Input",
            "OutputFilter": OUTPUT_FILTER,
        },
    )
    try:
        sagemaker.create_transform_job(**request)
        metrics.add_metric("TransformJobsStarted", MetricUnit.Count, 1)
    except sagemaker.exceptions.ResourceInUse:
        logger.info("an earlier attempt has started the transform", transform_job_name=name)
        metrics.add_metric("TransformJobsStarted", MetricUnit.Count, 0)
    return Result(name)
