"""Judges a new model on the holdout and registers it with the verdict."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
from aws_lambda_powertools.metrics import MetricUnit
from pydantic import Field

from buyer_stage.domain.documents import to_json
from buyer_stage.domain.errors import ModelError
from buyer_stage.domain.labeled_set import SPLIT_SHARES, split_lines
from buyer_stage.domain.s3_layout import (
    drift_baseline_key,
    holdout_scores_prefix,
    model_card_key,
    model_card_text_key,
    with_members_prefix,
)
from buyer_stage.domain.training_attempts import status_of_model
from buyer_stage.domain.transform_output import OUTPUT_FILE_SUFFIX
from buyer_stage.quality import judgement
from buyer_stage.quality.gate import Decision
from buyer_stage.quality.model_card import ModelCard, to_markdown
from lambdas.common.documents import load_labeled_set, read_folder
from lambdas.common.environment import Environment
from lambdas.common.events import ExecutionEvent
from lambdas.common.inference_containers import predicting_containers
from lambdas.common.model_registry import models_registered_since, package_properties
from lambdas.common.wiring import lambda_handler, logger, metrics

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import (
        AutoMLCandidateTypeDef,
        DescribeAutoMLJobV2ResponseTypeDef,
        ModelPackageContainerDefinitionTypeDef,
    )


class Variables(Environment):
    """Environment of the function."""

    pipeline_bucket: str
    model_package_group: str
    code_version: str


class Event(ExecutionEvent):
    """Input of the state `CreateAndSaveModel`."""

    automl_job_name: str
    champion_version: str | None
    transform_job_names: list[str] = Field(min_length=1, max_length=2)


@dataclass(frozen=True)
class Result:
    """The model's status in the registry.

    Attributes:
        available: whether the model is approved, so that it can score.
        model_version: version of the model.
        decision: `Approved` or `PendingManualApproval`; a rejected model is an error.
        reason: why, and what to do next.
    """

    available: bool
    model_version: str
    decision: str
    reason: str


s3, sagemaker = boto3.client("s3"), boto3.client("sagemaker")
variables = Variables.load()


@lambda_handler
def handler(event: Event) -> Result:
    """Judge the challenger and register it, unless an earlier attempt or another execution has done so.

    Raises:
        LabeledSetError: there is no labeled set, or a member is in more than one split.
        ModelError: a prediction for the holdout is missing, or the model is worse than no model.
    """
    version = event.automl_job_name
    job = sagemaker.describe_auto_ml_job_v2(AutoMLJobName=version)
    registered = models_registered_since(sagemaker, variables.model_package_group, job["CreationTime"]).get(version)
    if registered is None:
        decision, verdict = _judge_and_register(event, job)
    else:
        decision, verdict = Decision(registered.approval_status), registered.verdict
    logger.info("model judged", decision=decision.value, verdict=verdict, is_new=registered is None)
    reason = status_of_model(version, decision.value, verdict)
    if decision is Decision.REJECTED:
        raise ModelError(reason)
    return Result(decision is Decision.APPROVED, version, decision.value, reason)


def _judge_and_register(event: Event, job: "DescribeAutoMLJobV2ResponseTypeDef") -> tuple[Decision, str]:
    """Judge the challenger, write its card and drift baseline, and register it with the verdict."""
    best, labeled_set = job["BestCandidate"], load_labeled_set(s3, variables.pipeline_bucket)
    challenger_scores, *champion_scores = [_scored_lines(name) for name in event.transform_job_names]
    challenger = judgement.Challenger(
        model_version=event.automl_job_name,
        candidate_name=best["CandidateName"],
        created_at=job["EndTime"],  # not the clock, so that a retry writes the same card
        code_version=variables.code_version,
        autopilot_metrics=autopilot_metrics(best),
        scored_lines=challenger_scores,
    )
    champion = None if event.champion_version is None else judgement.Champion(event.champion_version, *champion_scores)
    split_files = {split: split_lines(_read(with_members_prefix(split))) for split in SPLIT_SHARES}
    judged = judgement.judge_challenger(challenger, champion, split_files, labeled_set)
    card = judged.card
    for key, text in {
        model_card_key(card.model_version): to_json(card),
        model_card_text_key(card.model_version): to_markdown(card),
        drift_baseline_key(card.model_version): to_json(judged.drift_baseline),
    }.items():
        s3.put_object(Bucket=variables.pipeline_bucket, Key=key, Body=text.encode())
    _register(card, best)
    for name, estimate in card.evaluation.metrics.items():
        metrics.add_metric(f"Holdout{name.title().replace('_', '')}", MetricUnit.NoUnit, estimate.value)
    return card.verdict.decision, card.verdict.reason


def _register(card: ModelCard, best: "AutoMLCandidateTypeDef") -> None:
    sagemaker.create_model_package(
        ClientToken=card.model_version,  # two executions at once register one model
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
        CustomerMetadataProperties=package_properties(card.model_version),
    )


def _containers(best: "AutoMLCandidateTypeDef") -> "list[ModelPackageContainerDefinitionTypeDef]":
    return [
        {"Image": used["Image"], "ModelDataUrl": used["ModelDataUrl"], "Environment": used["Environment"]}
        for used in predicting_containers(best.get("InferenceContainers", []))
    ]


def _scored_lines(transform_job_name: str) -> list[str]:
    return _read(holdout_scores_prefix(transform_job_name), OUTPUT_FILE_SUFFIX).splitlines()


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
