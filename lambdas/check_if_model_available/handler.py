"""Tells whether there is a model to score with, so that training is the exception and not the rule."""

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import ClientError
from pydantic import TypeAdapter

from buyer_stage.documents import ModelPointer
from buyer_stage.errors import ModelError
from buyer_stage.features import MODEL_FEATURES, column_checksum
from buyer_stage.s3_layout import MODEL_POINTER_KEY
from lambdas.common.documents import load_document
from lambdas.common.environment import Environment
from lambdas.common.errors import is_client_error, named_errors
from lambdas.common.events import ExecutionEvent


class Variables(Environment):
    """Environment of the function."""

    pipeline_bucket: str


class Event(ExecutionEvent):
    """Input of the state `CheckModelAvailability`."""


logger, tracer, metrics = Logger(), Tracer(), Metrics()
s3, sagemaker = boto3.client("s3"), boto3.client("sagemaker")
variables = Variables.load()
model_pointer = TypeAdapter(ModelPointer)
REMEDY = f"delete {MODEL_POINTER_KEY} from the pipeline bucket and start again to train another"


@logger.inject_lambda_context(correlation_id_path="execution_name")
@tracer.capture_lambda_handler
@metrics.log_metrics
@named_errors()
@event_parser(model=Event)
def handler(event: Event, context: LambdaContext) -> dict[str, object]:
    """Read the pointer to the model and make sure that the model can be used.

    Returns:
        `available` and, when it is, `model_name` and `model_version`.

    Raises:
        ModelError: the pointer names a model that is gone or learned from other columns.
        InvalidManifestError: the pointer is damaged.
    """
    pointer = load_document(s3, variables.pipeline_bucket, MODEL_POINTER_KEY, model_pointer)
    metrics.add_metric("ModelAvailable", MetricUnit.Count, 0 if pointer is None else 1)
    if pointer is None:
        logger.warning("no model has been trained yet", key=MODEL_POINTER_KEY)
        return {"available": False}
    if pointer.column_checksum != column_checksum(MODEL_FEATURES):
        raise ModelError(f"model {pointer.model_name} was trained on other columns; {REMEDY}")
    try:
        sagemaker.describe_model(ModelName=pointer.model_name)
    except ClientError as error:
        if is_client_error(error, "ValidationException", "Could not find model"):
            raise ModelError(f"model {pointer.model_name} is gone from SageMaker; {REMEDY}") from error
        raise
    return {"available": True, "model_name": pointer.model_name, "model_version": pointer.model_version}
