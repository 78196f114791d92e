"""Checks whether a snapshot's features are complete and validated, so that scoring never starts on half a day."""

import hashlib
from dataclasses import dataclass

import boto3
from aws_lambda_powertools.metrics import MetricUnit
from pydantic import TypeAdapter

from buyer_stage.domain.documents import FeatureManifest, FeatureValidation
from buyer_stage.domain.errors import InvalidManifestError
from buyer_stage.domain.features import FEATURE_SCHEMA_VERSION, OUTPUT_COLUMNS, column_checksum
from buyer_stage.domain.s3_layout import PART_FILE_PREFIX, feature_manifest_key, feature_validation_key, features_prefix
from lambdas.common.documents import list_keys, load_document, parse_document, read_object
from lambdas.common.environment import Environment
from lambdas.common.events import ExecutionEvent, SnapshotDate
from lambdas.common.wiring import lambda_handler, logger, metrics


class Variables(Environment):
    """Environment of the function."""

    pipeline_bucket: str


class Event(ExecutionEvent):
    """Input of the state `CheckDailyDataAvailability`."""

    snapshot_date: SnapshotDate


@dataclass(frozen=True)
class Result:
    """Whether there is something to score.

    Attributes:
        available: whether the snapshot has complete, validated features.
        row_count: members to score; None unless the features are available.
        rows_checksum: identifies the features of all members; None unless they are available.
    """

    available: bool
    row_count: int | None = None
    rows_checksum: str | None = None


s3 = boto3.client("s3")
variables = Variables.load()
feature_manifest, feature_validation = TypeAdapter(FeatureManifest), TypeAdapter(FeatureValidation)


@lambda_handler
def handler(event: Event) -> Result:
    """Look for the manifest that the ETL writes last, and for the validation of exactly that manifest.

    Raises:
        InvalidManifestError: the manifest is damaged or does not fit the part files, which waiting does not fix.
    """
    key = feature_manifest_key(event.snapshot_date)
    body = read_object(s3, variables.pipeline_bucket, key)
    validation_key = feature_validation_key(event.snapshot_date)
    validation = load_document(s3, variables.pipeline_bucket, validation_key, feature_validation)
    if body is None or validation is None or validation.manifest_sha256 != hashlib.sha256(body).hexdigest():
        logger.warning("no validated features for this snapshot", manifest=key, validation=validation_key)
        metrics.add_metric("RowsToScore", MetricUnit.Count, 0)
        return Result(available=False)
    manifest = parse_document(feature_manifest, body, key)
    _check(manifest, event, key)
    metrics.add_metric("RowsToScore", MetricUnit.Count, manifest.row_count)
    return Result(available=True, row_count=manifest.row_count, rows_checksum=manifest.rows_checksum)


def _check(manifest: FeatureManifest, event: Event, key: str) -> None:
    """Compare the manifest with this version of the product and with the part files that a transform would read."""
    remedy = "run the ETL for this snapshot again"
    if manifest.snapshot_date != event.snapshot_date:
        raise InvalidManifestError(f"{key} describes the wrong snapshot, {manifest.snapshot_date}; {remedy}")
    if (manifest.schema_version, manifest.column_checksum) != (
        FEATURE_SCHEMA_VERSION,
        column_checksum(OUTPUT_COLUMNS),
    ):
        raise InvalidManifestError(f"{key} describes other columns than this version reads; {remedy}")
    prefix = features_prefix(event.snapshot_date)
    found = {key.removeprefix(prefix) for key in list_keys(s3, variables.pipeline_bucket, prefix + PART_FILE_PREFIX)}
    if not found or found != set(manifest.part_files):
        difference = sorted(found ^ set(manifest.part_files))
        raise InvalidManifestError(
            f"{key} does not list the part files that exist; they differ in {difference}; {remedy}"
        )
