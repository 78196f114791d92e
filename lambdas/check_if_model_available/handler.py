"""Checks whether there is an approved model to score with, and whether another one is wanted."""

from dataclasses import dataclass
from datetime import timedelta

import boto3
from aws_lambda_powertools.metrics import MetricUnit
from botocore.exceptions import ClientError
from pydantic import AwareDatetime, BaseModel, PositiveInt, TypeAdapter

from buyer_stage.domain.errors import ModelError
from buyer_stage.domain.s3_layout import drift_reports_prefix
from lambdas.common.documents import list_keys, load_document
from lambdas.common.environment import Environment
from lambdas.common.errors import is_client_error
from lambdas.common.events import ExecutionEvent
from lambdas.common.model_registry import REMEDY, RegisteredModel, newest_approved_model
from lambdas.common.wiring import lambda_handler, logger, metrics


class Variables(Environment):
    """Environment of the function."""

    model_package_group: str
    pipeline_bucket: str
    maximum_model_age_days: PositiveInt
    retrain_on_drift: bool


class Event(ExecutionEvent):
    """Input of the state `CheckModelAvailability`."""

    execution_start_time: AwareDatetime
    retrain: bool


@dataclass(frozen=True)
class Result:
    """The champion, if there is one, and whether a challenger is wanted.

    Attributes:
        available: whether there is a champion.
        train: whether a training is wanted; `start_automl` knows whether one is due.
        train_because: why; empty unless `train`.
        model_version: version of the champion; None without a champion.
    """

    available: bool
    train: bool
    train_because: str
    model_version: str | None = None


class DriftVerdict(BaseModel):
    """The only field of a `buyer_stage.quality.drift.DriftReport` read here; the others can change between two runs."""

    is_drifted: bool


s3, sagemaker = boto3.client("s3"), boto3.client("sagemaker")
variables = Variables.load()
drift_verdict = TypeAdapter(DriftVerdict)


@lambda_handler
def handler(event: Event) -> Result:
    """Find the newest approved model and check that it can be used.

    Raises:
        ModelError: SageMaker does not have the model any more, the model was trained on other columns, or another
            program registered it.
        InvalidManifestError: the model's drift report is damaged.
    """
    approved = newest_approved_model(sagemaker, variables.model_package_group)
    metrics.add_metric("ModelAvailable", MetricUnit.Count, 0 if approved is None else 1)
    if approved is None:
        logger.warning("no approved model", model_package_group=variables.model_package_group)
        return Result(available=False, train=True, train_because="no model has been approved")
    try:
        sagemaker.describe_model(ModelName=approved.model_version)
    except ClientError as error:
        if is_client_error(error, "ValidationException", "Could not find model"):
            raise ModelError(f"model {approved.model_version} is missing from SageMaker; {REMEDY}") from error
        raise
    train_because = _reason_to_train(event, approved)
    logger.info("model found", model_version=approved.model_version, train_because=train_because)
    return Result(
        available=True,
        train=bool(train_because),
        train_because=train_because,
        model_version=approved.model_version,
    )


def _reason_to_train(event: Event, approved: RegisteredModel) -> str:
    """Return why another model is wanted, or an empty string."""
    age = event.execution_start_time - approved.created_at
    metrics.add_metric("ModelAgeDays", MetricUnit.NoUnit, age / timedelta(days=1))
    if event.retrain:
        return "the execution's input asks for it"
    if age > timedelta(days=variables.maximum_model_age_days):
        return f"{approved.model_version} is {age.days} days old"
    if variables.retrain_on_drift and _has_drifted(approved):
        return f"members have drifted since {approved.model_version} was trained"
    return ""


def _has_drifted(model: RegisteredModel) -> bool:
    """Read the drift report of the latest snapshot that the model scored."""
    key = max(list_keys(s3, variables.pipeline_bucket, drift_reports_prefix(model.model_version)), default=None)
    verdict = None if key is None else load_document(s3, variables.pipeline_bucket, key, drift_verdict)
    return verdict is not None and verdict.is_drifted
