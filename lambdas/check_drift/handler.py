"""Compares a snapshot's features and stages with those of the model's training, and its stages with those before."""

from typing import TypeVar

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import TypeAdapter

from buyer_stage.domain.documents import FeatureProfile, PushReceipt, to_json
from buyer_stage.domain.errors import InvalidManifestError
from buyer_stage.domain.s3_layout import drift_baseline_key, drift_report_key, feature_profile_key, push_receipt_key
from buyer_stage.quality.drift import DriftBaseline, DriftLevel, DriftReport, report_drift
from lambdas.common.documents import load_document
from lambdas.common.environment import Environment
from lambdas.common.errors import named_errors
from lambdas.common.events import ExecutionEvent, SnapshotDate
from lambdas.common.model_registry import REMEDY

T = TypeVar("T")


class Variables(Environment):
    """Environment of the function."""

    pipeline_bucket: str


class Event(ExecutionEvent):
    """Input of the state `CheckDrift`."""

    snapshot_date: SnapshotDate
    model_version: str
    run_name: str


logger, tracer, metrics = Logger(), Tracer(), Metrics()
s3 = boto3.client("s3")
variables = Variables.load()
drift_baseline, feature_profile = TypeAdapter(DriftBaseline), TypeAdapter(FeatureProfile)
push_receipt = TypeAdapter(PushReceipt)


@logger.inject_lambda_context(correlation_id_path="execution_name")
@tracer.capture_lambda_handler
@metrics.log_metrics
@named_errors()
@event_parser(model=Event)
def handler(event: Event, context: LambdaContext) -> dict[str, object]:
    """Write the report on a snapshot that was served, and the metrics that alarms watch.

    Returns:
        `is_drifted`, `drifted_features` (how many have shifted significantly), `stage_mix_psi`, `flip_rate` (null when
            there are no stages to compare with) and `report`, its key.

    Raises:
        InvalidManifestError: something to compare is missing, damaged or counted otherwise.
        ScoredLinesLostError: nobody was served.
    """
    report = report_drift(
        _load(drift_baseline_key(event.model_version), drift_baseline, f"the model was registered without; {REMEDY}"),
        _load(feature_profile_key(event.snapshot_date), feature_profile, "run the ETL for this snapshot again"),
        _load(push_receipt_key(event.snapshot_date, event.run_name), push_receipt, "push the snapshot again"),
        model_version=event.model_version,
        run_name=event.run_name,
    )
    key = drift_report_key(event.model_version, event.snapshot_date)
    s3.put_object(Bucket=variables.pipeline_bucket, Key=key, Body=to_json(report).encode())
    drifted = report.features_at(DriftLevel.SIGNIFICANT)
    _emit(report, drifted)
    logger.info("drift measured", report=key, is_drifted=report.is_drifted, drifted_features=drifted)
    return {
        "is_drifted": report.is_drifted,
        "drifted_features": len(drifted),
        "stage_mix_psi": report.stage_mix.psi,
        "flip_rate": report.flip_rate,
        "report": key,
    }


def _load(key: str, adapter: TypeAdapter[T], remedy: str) -> T:
    document = load_document(s3, variables.pipeline_bucket, key, adapter)
    if document is None:
        raise InvalidManifestError(f"{key} is not there; {remedy}")
    return document


def _emit(report: DriftReport, drifted: list[str]) -> None:
    metrics.add_metric("ModelDrifted", MetricUnit.Count, 1 if report.is_drifted else 0)
    metrics.add_metric("FeaturesDrifted", MetricUnit.Count, len(drifted))
    metrics.add_metric("FeaturesShifted", MetricUnit.Count, len(report.features_at(DriftLevel.MODERATE)))
    metrics.add_metric("StageMixPsi", MetricUnit.NoUnit, report.stage_mix.psi)
    metrics.add_metric("MembersWaiting", MetricUnit.Count, report.changes.waiting)
    if report.flip_rate is not None:
        metrics.add_metric("StageFlipRate", MetricUnit.NoUnit, report.flip_rate)
