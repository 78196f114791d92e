"""Judges a new model on the holdout and registers it with the verdict."""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
from aws_lambda_powertools.metrics import MetricUnit
from pydantic import TypeAdapter

from buyer_stage.domain.documents import LabeledSetManifest, to_json
from buyer_stage.domain.errors import LabeledSetError, ModelError
from buyer_stage.domain.labeled_set import SPLIT_SHARES, split_lines
from buyer_stage.domain.s3_layout import (
    LABELED_SET_MANIFEST_KEY,
    drift_baseline_key,
    holdout_scores_prefix,
    model_card_key,
    model_card_text_key,
    with_members_prefix,
)
from buyer_stage.domain.transform_output import OUTPUT_FILE_SUFFIX
from buyer_stage.quality import judgement
from buyer_stage.quality.gate import Decision
from buyer_stage.quality.model_card import ModelCard, to_markdown
from lambdas.common.documents import load_document, read_folder
from lambdas.common.environment import Environment
from lambdas.common.events import ExecutionEvent
from lambdas.common.inference_containers import predicting_containers
from lambdas.common.model_registry import Champion, package_properties
from lambdas.common.wiring import lambda_handler, logger, metrics

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import AutoMLCandidateTypeDef, ModelPackageContainerDefinitionTypeDef


class Variables(Environment):
    """Environment of the function."""

    pipeline_bucket: str
    model_package_group: str
    code_version: str


class Event(ExecutionEvent):
    """Input of the state `CreateAndSaveModel`."""

    automl_job_name: str
    model_name: str
    champion: Champion | None


@dataclass(frozen=True)
class Result:
    """The verdict.

    Attributes:
        available: whether the model was approved, so that it can score.
        model_name: name of the SageMaker model.
        model_version: version of the model.
        decision: `Approved` or `PendingManualApproval`; a rejected model is an error.
        reason: why.
    """

    available: bool
    model_name: str
    model_version: str
    decision: str
    reason: str


s3, sagemaker = boto3.client("s3"), boto3.client("sagemaker")
variables = Variables.load()
labeled_set_manifest = TypeAdapter(LabeledSetManifest)


@lambda_handler
def handler(event: Event) -> Result:
    """Judge the challenger, write its card and drift baseline, and register it.

    Raises:
        LabeledSetError: the manifest is missing, or a member is in more than one split.
        ModelError: a prediction for the holdout is missing, or the model is worse than no model.
    """
    job = sagemaker.describe_auto_ml_job_v2(AutoMLJobName=event.automl_job_name)
    best = job["BestCandidate"]
    manifest = load_document(s3, variables.pipeline_bucket, LABELED_SET_MANIFEST_KEY, labeled_set_manifest)
    if manifest is None:
        raise LabeledSetError(f"{LABELED_SET_MANIFEST_KEY} does not exist; build the labeled set again")
    challenger = judgement.Challenger(
        model_version=event.automl_job_name,
        model_name=event.model_name,
        candidate_name=best["CandidateName"],
        created_at=job["EndTime"],  # not the clock, so that a retry writes the same card
        code_version=variables.code_version,
        autopilot_metrics=autopilot_metrics(best),
        scored_lines=_scored_lines(event, event.model_name),
    )
    champion = (
        None
        if event.champion is None
        else judgement.Champion(event.champion.model_version, _scored_lines(event, event.champion.model_name))
    )
    split_files = {split: split_lines(_read(with_members_prefix(split))) for split in SPLIT_SHARES}
    judged = judgement.judge_challenger(challenger, champion, split_files, manifest)
    card = judged.card
    for key, text in {
        model_card_key(card.model_version): to_json(card),
        model_card_text_key(card.model_version): to_markdown(card),
        drift_baseline_key(card.model_version): to_json(judged.drift_baseline),
    }.items():
        s3.put_object(Bucket=variables.pipeline_bucket, Key=key, Body=text.encode())
    _register(event, card, best)
    for name, estimate in card.evaluation.metrics.items():
        metrics.add_metric(f"Holdout{name.title().replace('_', '')}", MetricUnit.NoUnit, estimate.value)
    decision, reason = card.verdict.decision, card.verdict.reason
    logger.info("model judged", decision=decision.value, reason=reason)
    if decision is Decision.REJECTED:
        raise ModelError(
            f"model {card.model_version} is {reason}; it was registered as rejected: read its card, and improve the "
            "labeled set or the features before training again"
        )
    return Result(decision is Decision.APPROVED, card.model_name, card.model_version, decision.value, reason)


def _register(event: Event, card: ModelCard, best: "AutoMLCandidateTypeDef") -> None:
    sagemaker.create_model_package(
        ClientToken=hashlib.sha256(event.execution_name.encode()).hexdigest()[:36],
        ModelPackageGroupName=variables.model_package_group,
        ModelPackageDescription=card.verdict.reason[:1024],
        ModelApprovalStatus=card.verdict.decision.value,
        InferenceSpecification={
            "Containers": _containers(best),
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        ModelMetrics={
            "ModelQuality": {
                "Statistics": {
                    "ContentType": "application/json",
                    "S3Uri": f"s3://{variables.pipeline_bucket}/{model_card_key(card.model_version)}",
                }
            }
        },
        CustomerMetadataProperties=package_properties(
            card.model_name, card.model_version, card.labeled_set.with_members_sha256["train"]
        ),
    )


def _containers(best: "AutoMLCandidateTypeDef") -> "list[ModelPackageContainerDefinitionTypeDef]":
    return [
        {"Image": used["Image"], "ModelDataUrl": used["ModelDataUrl"], "Environment": used["Environment"]}
        for used in predicting_containers(best.get("InferenceContainers", []))
    ]


def _scored_lines(event: Event, model_name: str) -> list[str]:
    return _read(holdout_scores_prefix(event.execution_name, model_name), OUTPUT_FILE_SUFFIX).splitlines()


def _read(prefix: str, suffix: str = "") -> str:
    return read_folder(s3, variables.pipeline_bucket, prefix, suffix).decode()


def autopilot_metrics(candidate: "AutoMLCandidateTypeDef") -> dict[str, float]:
    """Return a candidate's objective and Autopilot's other metrics on the validation channel, by standard name."""
    objective = candidate["FinalAutoMLJobObjectiveMetric"]
    measured = candidate.get("CandidateProperties", {}).get("CandidateMetrics", [])
    return {objective["MetricName"]: objective["Value"]} | {
        metric.get("StandardMetricName", metric["MetricName"]): metric["Value"]
        for metric in measured
        if metric["Set"] == "Validation"
    }
