"""Tells whether there is an approved model to score with, and whether it is time to train another."""

from datetime import timedelta

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import ClientError
from pydantic import AwareDatetime, PositiveInt

from buyer_stage.errors import ModelError
from lambdas.common.environment import Environment
from lambdas.common.errors import is_client_error, named_errors
from lambdas.common.events import ExecutionEvent
from lambdas.common.model_registry import REMEDY, newest_model


class Variables(Environment):
    """Environment of the function."""

    model_package_group: str
    maximum_model_age_days: PositiveInt


class Event(ExecutionEvent):
    """Input of the state `CheckModelAvailability`."""

    execution_start_time: AwareDatetime
    retrain: bool


logger, tracer, metrics = Logger(), Tracer(), Metrics()
sagemaker = boto3.client("sagemaker")
variables = Variables.load()


@logger.inject_lambda_context(correlation_id_path="execution_name")
@tracer.capture_lambda_handler
@metrics.log_metrics
@named_errors()
@event_parser(model=Event)
def handler(event: Event, context: LambdaContext) -> dict[str, object]:
    """Look for the newest approved model and make sure that it can be used.

    Returns:
        `available` and, when it is, `model_name` and `model_version`; `train`: whether a model is to be trained
        because there is none, because it was asked for, or because the last attempt is too long ago.

    Raises:
        ModelError: the model is gone from SageMaker, learned from other columns or was registered by somebody else.
    """
    group = variables.model_package_group
    approved = newest_model(sagemaker, group, "Approved")
    metrics.add_metric("ModelAvailable", MetricUnit.Count, 0 if approved is None else 1)
    if approved is None:
        logger.warning("no model has been approved yet", model_package_group=group)
        return {"available": False, "train": True}
    try:
        sagemaker.describe_model(ModelName=approved.model_name)
    except ClientError as error:
        if is_client_error(error, "ValidationException", "Could not find model"):
            raise ModelError(f"model {approved.model_name} is gone from SageMaker; {REMEDY}") from error
        raise
    # Attempts that were not approved count too: a training that fails its judges is not repeated every day.
    newest = newest_model(sagemaker, group) or approved
    age = event.execution_start_time - newest.created_at
    metrics.add_metric("ModelAgeDays", MetricUnit.NoUnit, age / timedelta(days=1))
    return {
        "available": True,
        "model_name": approved.model_name,
        "model_version": approved.model_version,
        "train": event.retrain or age > timedelta(days=variables.maximum_model_age_days),
    }
