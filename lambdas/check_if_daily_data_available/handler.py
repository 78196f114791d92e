"""Tells whether a snapshot's features are complete and validated, so that scoring never starts on half a day."""

import hashlib

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import TypeAdapter

from buyer_stage.domain.documents import FeatureManifest, FeatureValidation
from buyer_stage.domain.errors import InvalidManifestError
from buyer_stage.domain.features import FEATURE_SCHEMA_VERSION, OUTPUT_COLUMNS, column_checksum
from buyer_stage.domain.s3_layout import PART_FILE_PREFIX, feature_manifest_key, feature_validation_key, features_prefix
from lambdas.common.documents import load_document, parse_document, read_object
from lambdas.common.environment import Environment
from lambdas.common.errors import named_errors
from lambdas.common.events import ExecutionEvent, SnapshotDate


class Variables(Environment):
    """Environment of the function."""

    pipeline_bucket: str


class Event(ExecutionEvent):
    """Input of the state `CheckDailyDataAvailability`."""

    snapshot_date: SnapshotDate


logger, tracer, metrics = Logger(), Tracer(), Metrics()
s3 = boto3.client("s3")
variables = Variables.load()
feature_manifest, feature_validation = TypeAdapter(FeatureManifest), TypeAdapter(FeatureValidation)


@logger.inject_lambda_context(correlation_id_path="execution_name")
@tracer.capture_lambda_handler
@metrics.log_metrics
@named_errors()
@event_parser(model=Event)
def handler(event: Event, context: LambdaContext) -> dict[str, object]:
    """Look for the manifest that the ETL writes last, and for the validation of exactly that manifest.

    Returns:
        `available` and, when it is, `row_count`: the members to be scored.

    Raises:
        InvalidManifestError: the manifest is damaged or at odds with the files beside it; waiting would not mend it.
    """
    key = feature_manifest_key(event.snapshot_date)
    body = read_object(s3, variables.pipeline_bucket, key)
    validation_key = feature_validation_key(event.snapshot_date)
    validation = load_document(s3, variables.pipeline_bucket, validation_key, feature_validation)
    if body is None or validation is None or validation.manifest_sha256 != hashlib.sha256(body).hexdigest():
        logger.warning("no validated features for this snapshot", manifest=key, validation=validation_key)
        metrics.add_metric("RowsToScore", MetricUnit.Count, 0)
        return {"available": False}
    manifest = parse_document(feature_manifest, body, key)
    _check(manifest, event, key)
    metrics.add_metric("RowsToScore", MetricUnit.Count, manifest.row_count)
    return {"available": True, "row_count": manifest.row_count}


def _check(manifest: FeatureManifest, event: Event, key: str) -> None:
    """Compare the manifest with this version of the product and with the part files that a transform would read."""
    if manifest.snapshot_date != event.snapshot_date:
        raise InvalidManifestError(f"{key} describes snapshot {manifest.snapshot_date}")
    if (manifest.schema_version, manifest.column_checksum) != (
        FEATURE_SCHEMA_VERSION,
        column_checksum(OUTPUT_COLUMNS),
    ):
        raise InvalidManifestError(f"{key} describes other columns than this version reads; run the ETL again")
    prefix = features_prefix(event.snapshot_date)
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=variables.pipeline_bucket, Prefix=prefix + PART_FILE_PREFIX
    )
    found = {item["Key"].removeprefix(prefix) for page in pages for item in page.get("Contents", [])}
    if not found or found != set(manifest.part_files):
        difference = sorted(found ^ set(manifest.part_files))
        raise InvalidManifestError(f"{key} and the part files beside it differ in {difference}; run the ETL again")
