"""Tells whether there is a labelled set to train on, before hours of training are paid for."""

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import TypeAdapter

from buyer_stage.documents import LabelledSetManifest
from buyer_stage.errors import LabelledSetError
from buyer_stage.features import MODEL_FEATURES, column_checksum
from buyer_stage.labelled_set import SPLIT_SHARES
from buyer_stage.s3_layout import LABELLED_SET_MANIFEST_KEY
from lambdas.common.documents import load_document
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
labelled_set_manifest = TypeAdapter(LabelledSetManifest)


@logger.inject_lambda_context(correlation_id_path="execution_name")
@tracer.capture_lambda_handler
@metrics.log_metrics
@named_errors()
@event_parser(model=Event)
def handler(event: Event, context: LambdaContext) -> dict[str, object]:
    """Look for the manifest that is written after the last file of the labelled set.

    Returns:
        `available` and, when it is, `training_rows` and `validation_rows`.

    Raises:
        LabelledSetError: a split is empty, or the set has other columns than this version trains on.
        InvalidManifestError: the manifest is damaged.
    """
    manifest = load_document(s3, variables.pipeline_bucket, LABELLED_SET_MANIFEST_KEY, labelled_set_manifest)
    if manifest is None:
        logger.warning("no labelled set", key=LABELLED_SET_MANIFEST_KEY)
        metrics.add_metric("TrainingRows", MetricUnit.Count, 0)
        return {"available": False}
    if manifest.column_checksum != column_checksum(MODEL_FEATURES):
        raise LabelledSetError("the labelled set has other columns than this version trains on; build it again")
    rows = {split: manifest.splits[split].rows if split in manifest.splits else 0 for split in SPLIT_SHARES}
    if empty := [split for split, count in rows.items() if count == 0]:
        raise LabelledSetError(f"the labelled set has no rows in {', '.join(empty)}; more answers are needed")
    metrics.add_metric("TrainingRows", MetricUnit.Count, rows["train"])
    return {"available": True, "training_rows": rows["train"], "validation_rows": rows["validation"]}
