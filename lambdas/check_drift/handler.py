"""Compares a snapshot's features and stages with the model's training, and its stages with the snapshot before."""

from dataclasses import dataclass
from typing import TypeVar

import boto3
from aws_lambda_powertools.metrics import MetricUnit
from pydantic import TypeAdapter

from buyer_stage.domain.documents import FeatureProfile, to_json
from buyer_stage.domain.errors import InvalidManifestError
from buyer_stage.domain.s3_layout import drift_baseline_key, drift_report_key, feature_profile_key, push_receipt_key
from buyer_stage.domain.serving_documents import PushReceipt
from buyer_stage.domain.shift import DriftLevel
from buyer_stage.quality.drift import DriftBaseline, DriftReport, report_drift
from lambdas.common.documents import load_document
from lambdas.common.environment import Environment
from lambdas.common.events import ExecutionEvent, SnapshotDate
from lambdas.common.model_registry import REMEDY
from lambdas.common.wiring import lambda_handler, logger, metrics

T = TypeVar("T")


class Variables(Environment):
    """Environment of the function."""

    pipeline_bucket: str


class Event(ExecutionEvent):
    """Input of the state `CheckDrift`."""

    snapshot_date: SnapshotDate
    model_version: str
    run_name: str


@dataclass(frozen=True)
class Result:
    """What the drift report says in short.

    Attributes:
        is_drifted: whether the stage mix or a feature has shifted significantly.
        drifted_features: number of features that have shifted significantly.
        stage_mix_psi: shift of the predicted stages since training, 0 or more.
        flip_rate: share of the members whose served stage changed, 0 to 1; None without earlier stages.
        report: key of the drift report.
    """

    is_drifted: bool
    drifted_features: int
    stage_mix_psi: float
    flip_rate: float | None
    report: str


s3 = boto3.client("s3")
variables = Variables.load()
drift_baseline, feature_profile = TypeAdapter(DriftBaseline), TypeAdapter(FeatureProfile)
push_receipt = TypeAdapter(PushReceipt)


@lambda_handler
def handler(event: Event) -> Result:
    """Write the drift report of a snapshot that was served, and the metrics that alarms watch.

    Raises:
        InvalidManifestError: a document to compare is missing, damaged or does not fit the others.
        ScoredLinesLostError: the push wrote no items.
    """
    report = report_drift(
        _load(
            drift_baseline_key(event.model_version), drift_baseline, f"the model was registered without it; {REMEDY}"
        ),
        _load(feature_profile_key(event.snapshot_date), feature_profile, "run the ETL for this snapshot again"),
        _load(push_receipt_key(event.snapshot_date, event.run_name), push_receipt, "push the snapshot again"),
        model_version=event.model_version,
        run_name=event.run_name,
    )
    key = drift_report_key(event.model_version, event.snapshot_date)
    s3.put_object(Bucket=variables.pipeline_bucket, Key=key, Body=to_json(report).encode())
    drifted = report.features_at(DriftLevel.SIGNIFICANT)
    _emit(report, drifted)
    logger.info("drift report written", report=key, is_drifted=report.is_drifted, drifted_features=drifted)
    return Result(report.is_drifted, len(drifted), report.stage_mix.psi, report.flip_rate, key)


def _load(key: str, adapter: TypeAdapter[T], remedy: str) -> T:
    document = load_document(s3, variables.pipeline_bucket, key, adapter)
    if document is None:
        raise InvalidManifestError(f"{key} does not exist; {remedy}")
    return document


def _emit(report: DriftReport, drifted: list[str]) -> None:
    metrics.add_metric("ModelDrifted", MetricUnit.Count, 1 if report.is_drifted else 0)
    metrics.add_metric("FeaturesDrifted", MetricUnit.Count, len(drifted))
    metrics.add_metric("FeaturesShifted", MetricUnit.Count, len(report.features_at(DriftLevel.MODERATE)))
    metrics.add_metric("StageMixPsi", MetricUnit.NoUnit, report.stage_mix.psi)
    metrics.add_metric("MembersWaiting", MetricUnit.Count, report.changes.waiting)
    if report.flip_rate is not None:
        metrics.add_metric("StageFlipRate", MetricUnit.NoUnit, report.flip_rate)
