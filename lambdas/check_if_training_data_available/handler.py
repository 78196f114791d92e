"""Tells whether there is a labeled set to train on, and that no member crosses, before hours of training are paid."""

import hashlib

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import TypeAdapter

from buyer_stage.domain.documents import LabeledSetManifest
from buyer_stage.domain.errors import LabeledSetError
from buyer_stage.domain.features import MODEL_FEATURES, column_checksum
from buyer_stage.domain.labeled_set import SPLIT_SHARES, split_lines
from buyer_stage.domain.leak_guard import require_intact_splits
from buyer_stage.domain.s3_layout import (
    ASSIGNED_SPLITS_KEY,
    CHANNEL_PREFIXES,
    LABELED_SET_MANIFEST_KEY,
    with_members_prefix,
)
from lambdas.common.documents import load_document, read_folder
from lambdas.common.environment import Environment
from lambdas.common.errors import named_errors
from lambdas.common.events import ExecutionEvent


class Variables(Environment):
    """Environment of the function."""

    pipeline_bucket: str


class Event(ExecutionEvent):
    """Input of the state `CheckTrainingDataAvailability`."""


logger, tracer, metrics = Logger(), Tracer(), Metrics()
s3 = boto3.client("s3")
variables = Variables.load()
labeled_set_manifest = TypeAdapter(LabeledSetManifest)
split_by_member = TypeAdapter(dict[str, str])


@logger.inject_lambda_context(correlation_id_path="execution_name")
@tracer.capture_lambda_handler
@metrics.log_metrics
@named_errors()
@event_parser(model=Event)
def handler(event: Event, context: LambdaContext) -> dict[str, object]:
    """Look for the manifest that is written after the last file of the labeled set, and at the files themselves.

    Returns:
        `available` and, when it is, `training_rows` and `validation_rows`.

    Raises:
        LabeledSetError: a split is empty, the set has other columns than this version trains on, a member crosses
            from one split to another, or a file is not the one that the manifest describes.
        InvalidManifestError: the manifest is damaged.
    """
    manifest = load_document(s3, variables.pipeline_bucket, LABELED_SET_MANIFEST_KEY, labeled_set_manifest)
    if manifest is None:
        logger.warning("no labeled set", key=LABELED_SET_MANIFEST_KEY)
        metrics.add_metric("TrainingRows", MetricUnit.Count, 0)
        return {"available": False}
    if manifest.column_checksum != column_checksum(MODEL_FEATURES):
        raise LabeledSetError("the labeled set has other columns than this version trains on; build it again")
    rows = {split: manifest.splits[split].rows if split in manifest.splits else 0 for split in SPLIT_SHARES}
    if empty := [split for split, count in rows.items() if count == 0]:
        raise LabeledSetError(f"the labeled set has no rows in {', '.join(empty)}; more answers are needed")
    _require_members_apart(manifest)
    metrics.add_metric("TrainingRows", MetricUnit.Count, rows["train"])
    return {"available": True, "training_rows": rows["train"], "validation_rows": rows["validation"]}


def _require_members_apart(manifest: LabeledSetManifest) -> None:
    places = load_document(s3, variables.pipeline_bucket, ASSIGNED_SPLITS_KEY, split_by_member)
    if places is None:
        raise LabeledSetError(f"{ASSIGNED_SPLITS_KEY} is missing; build the labeled set again")
    records = {split: read_folder(s3, variables.pipeline_bucket, with_members_prefix(split)) for split in SPLIT_SHARES}
    channels = {split: read_folder(s3, variables.pipeline_bucket, prefix) for split, prefix in CHANNEL_PREFIXES.items()}
    require_intact_splits(
        {split: split_lines(body.decode()) for split, body in records.items()},
        {split: split_lines(body.decode()) for split, body in channels.items()},
        places,
    )
    for split, body in records.items():
        if hashlib.sha256(body).hexdigest() != manifest.with_members_sha256[split]:
            raise LabeledSetError(f"{with_members_prefix(split)} is not what its manifest describes; build it again")
