"""Checks whether there is a labeled set whose splits share no member, before anyone pays for hours of training."""

import hashlib
from dataclasses import dataclass

import boto3
from aws_lambda_powertools.metrics import MetricUnit
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
from lambdas.common.documents import labeled_set_manifest, load_document, read_folder
from lambdas.common.environment import Environment
from lambdas.common.events import ExecutionEvent
from lambdas.common.wiring import lambda_handler, logger, metrics


class Variables(Environment):
    """Environment of the function."""

    pipeline_bucket: str


class Event(ExecutionEvent):
    """Input of the state `CheckTrainingDataAvailability`."""


@dataclass(frozen=True)
class Result:
    """Whether there is something to train on.

    Attributes:
        available: whether there is a labeled set.
        training_rows: rows of the training split; None without a labeled set.
        validation_rows: rows of the validation split; None without a labeled set.
        training_checksum: names trainings on the training split; None without a labeled set.
        validation_checksum: names trainings on the validation split; None without a labeled set.
    """

    available: bool
    training_rows: int | None = None
    validation_rows: int | None = None
    training_checksum: str | None = None
    validation_checksum: str | None = None


s3 = boto3.client("s3")
variables = Variables.load()
assigned_splits = TypeAdapter(dict[str, str])

REMEDY = "build the labeled set again"
MINIMUM_TRAINING_ROWS = 500
"""Fewer rows fail the Autopilot job, see `InputDataConfig` in
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateAutoMLJob.html."""


@lambda_handler
def handler(event: Event) -> Result:  # noqa: ARG001 - says only who calls
    """Look for the manifest that is written after the last file of the labeled set, and check those files.

    Raises:
        LabeledSetError: a split is empty or too small, the set has other columns than this version trains on, a member
            is in more than one split, or a file differs from the one that the manifest describes.
        InvalidManifestError: the manifest is damaged.
    """
    manifest = load_document(s3, variables.pipeline_bucket, LABELED_SET_MANIFEST_KEY, labeled_set_manifest)
    if manifest is None:
        logger.warning("no labeled set", key=LABELED_SET_MANIFEST_KEY)
        metrics.add_metric("TrainingRows", MetricUnit.Count, 0)
        return Result(available=False)
    if manifest.column_checksum != column_checksum(MODEL_FEATURES):
        raise LabeledSetError(f"the labeled set has other columns than this version trains on; {REMEDY}")
    rows = {split: manifest.splits[split].rows if split in manifest.splits else 0 for split in SPLIT_SHARES}
    if empty := [split for split, count in rows.items() if count == 0]:
        raise LabeledSetError(f"the labeled set has no rows in {', '.join(empty)}; {REMEDY} with more answers")
    if rows["train"] < MINIMUM_TRAINING_ROWS:
        raise LabeledSetError(
            f"the labeled set has {rows['train']} training rows, and Autopilot needs {MINIMUM_TRAINING_ROWS}; "
            f"{REMEDY} with more answers, or from more snapshots"
        )
    _require_intact_files(manifest)
    metrics.add_metric("TrainingRows", MetricUnit.Count, rows["train"])
    return Result(
        available=True,
        training_rows=rows["train"],
        validation_rows=rows["validation"],
        training_checksum=manifest.name_training("train"),
        validation_checksum=manifest.name_training("validation"),
    )


def _require_intact_files(manifest: LabeledSetManifest) -> None:
    assigned = load_document(s3, variables.pipeline_bucket, ASSIGNED_SPLITS_KEY, assigned_splits)
    if assigned is None:
        raise LabeledSetError(f"{ASSIGNED_SPLITS_KEY} does not exist; {REMEDY}")
    split_files = {
        split: read_folder(s3, variables.pipeline_bucket, with_members_prefix(split)) for split in SPLIT_SHARES
    }
    channels = {split: read_folder(s3, variables.pipeline_bucket, prefix) for split, prefix in CHANNEL_PREFIXES.items()}
    require_intact_splits(
        {split: split_lines(body.decode()) for split, body in split_files.items()},
        {split: split_lines(body.decode()) for split, body in channels.items()},
        assigned,
    )
    for split, body in split_files.items():
        if hashlib.sha256(body).hexdigest() != manifest.with_members_sha256[split]:
            raise LabeledSetError(
                f"the files in {with_members_prefix(split)} differ from those that the manifest describes; {REMEDY}"
            )
