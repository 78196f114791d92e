"""Tells whether there is an approved model to score with, and whether it is time to train another, and why."""

from datetime import timedelta

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import ClientError
from pydantic import AwareDatetime, BaseModel, PositiveInt, TypeAdapter

from buyer_stage.domain.documents import LabeledSetManifest
from buyer_stage.domain.errors import ModelError
from buyer_stage.domain.s3_layout import LABELED_SET_MANIFEST_KEY, drift_reports_prefix
from lambdas.common.documents import load_document
from lambdas.common.environment import Environment
from lambdas.common.errors import is_client_error, named_errors
from lambdas.common.events import ExecutionEvent
from lambdas.common.model_registry import REMEDY, RegisteredModel, newest_model


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


class DriftVerdict(BaseModel):
    """The one thing that is read of a `buyer_stage.quality.drift.DriftReport`: the rest may change between two runs."""

    is_drifted: bool


logger, tracer, metrics = Logger(), Tracer(), Metrics()
s3, sagemaker = boto3.client("s3"), boto3.client("sagemaker")
variables = Variables.load()
drift_verdict, labeled_set_manifest = TypeAdapter(DriftVerdict), TypeAdapter(LabeledSetManifest)


@logger.inject_lambda_context(correlation_id_path="execution_name")
@tracer.capture_lambda_handler
@metrics.log_metrics
@named_errors()
@event_parser(model=Event)
def handler(event: Event, context: LambdaContext) -> dict[str, object]:
    """Look for the newest approved model and make sure that it can be used.

    Returns:
        `available` and, when it is, `model_name` and `model_version`; `train`: whether a model is to be trained, and
        `train_because`: why, or an empty text.

    Raises:
        ModelError: the model is gone from SageMaker, learned from other columns or was registered by somebody else.
        InvalidManifestError: the report on the model's drift, or the labeled set's manifest, is damaged.
    """
    group = variables.model_package_group
    approved = newest_model(sagemaker, group, "Approved")
    metrics.add_metric("ModelAvailable", MetricUnit.Count, 0 if approved is None else 1)
    if approved is None:
        logger.warning("no model has been approved yet", model_package_group=group)
        return {"available": False, "train": True, "train_because": "no model has been approved"}
    try:
        sagemaker.describe_model(ModelName=approved.model_name)
    except ClientError as error:
        if is_client_error(error, "ValidationException", "Could not find model"):
            raise ModelError(f"model {approved.model_name} is gone from SageMaker; {REMEDY}") from error
        raise
    # Attempts that were not approved count too: a training that fails its judges is not repeated every day.
    newest = newest_model(sagemaker, group) or approved
    train_because = _reason_to_train(event, approved, newest)
    logger.info("model found", model_version=approved.model_version, train_because=train_because)
    return {
        "available": True,
        "model_name": approved.model_name,
        "model_version": approved.model_version,
        "train": bool(train_because),
        "train_because": train_because,
    }


def _reason_to_train(event: Event, approved: RegisteredModel, newest: RegisteredModel) -> str:
    """Say why another model is to be trained; an empty text when none is."""
    age = event.execution_start_time - newest.created_at
    metrics.add_metric("ModelAgeDays", MetricUnit.NoUnit, age / timedelta(days=1))
    if event.retrain:
        return "the execution's input asks for it"
    if age > timedelta(days=variables.maximum_model_age_days):
        return f"the last attempt was {age.days} days ago"
    if variables.retrain_on_drift and _has_drifted(approved) and _is_there_more_to_learn_from(newest):
        return f"members have drifted from those that {approved.model_version} was made from"
    return ""


def _has_drifted(model: RegisteredModel) -> bool:
    """Read the report on the latest snapshot that the model scored."""
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=variables.pipeline_bucket, Prefix=drift_reports_prefix(model.model_version)
    )
    key = max((found["Key"] for page in pages for found in page.get("Contents", [])), default=None)
    verdict = None if key is None else load_document(s3, variables.pipeline_bucket, key, drift_verdict)
    return verdict is not None and verdict.is_drifted


def _is_there_more_to_learn_from(newest: RegisteredModel) -> bool:
    """Tell whether the labeled set has changed since the last attempt: the same rows would make the same model."""
    manifest = load_document(s3, variables.pipeline_bucket, LABELED_SET_MANIFEST_KEY, labeled_set_manifest)
    return manifest is not None and manifest.with_members_sha256["train"] != newest.training_data_sha256
