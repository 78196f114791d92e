"""Starts the batch transform that scores a snapshot's members."""

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext

from buyer_stage.domain.features import TRANSFORM_INPUT_FILTER
from buyer_stage.domain.job_names import job_name
from buyer_stage.domain.s3_layout import PART_FILE_PREFIX, features_prefix, inference_results_prefix
from buyer_stage.domain.transform_output import OUTPUT_FILTER
from lambdas.common.batch_transforms import TransformVariables
from lambdas.common.errors import named_errors
from lambdas.common.events import ExecutionEvent, SnapshotDate


class Event(ExecutionEvent):
    """Input of the state `StartBatchTransformation`."""

    snapshot_date: SnapshotDate
    model_name: str


logger, tracer, metrics = Logger(), Tracer(), Metrics()
sagemaker = boto3.client("sagemaker")
variables = TransformVariables.load()


@logger.inject_lambda_context(correlation_id_path="execution_name")
@tracer.capture_lambda_handler
@metrics.log_metrics
@named_errors()
@event_parser(model=Event)
def handler(event: Event, context: LambdaContext) -> dict[str, object]:
    """Start the execution's transform, or find it when a retry comes here again.

    Returns:
        `transform_job_name`.
    """
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
        logger.info("this execution has already started its transform", transform_job_name=name)
        metrics.add_metric("TransformJobsStarted", MetricUnit.Count, 0)
    return {"transform_job_name": name}
