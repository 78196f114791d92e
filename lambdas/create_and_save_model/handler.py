"""Judges a new model by members that it never saw, and registers it with all that led to the verdict."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, TypeAdapter

from buyer_stage.domain.documents import LabeledSetManifest, to_json
from buyer_stage.domain.errors import LabeledSetError, ModelError
from buyer_stage.domain.feature_bins import profile_rows
from buyer_stage.domain.labeled_set import SPLIT_SHARES, features_of, member_of, split_lines
from buyer_stage.domain.leak_guard import require_disjoint_members
from buyer_stage.domain.s3_layout import (
    LABELED_SET_MANIFEST_KEY,
    drift_baseline_key,
    holdout_scores_prefix,
    model_card_key,
    model_card_text_key,
    with_members_prefix,
)
from buyer_stage.domain.transform_output import OUTPUT_FILE_SUFFIX
from buyer_stage.quality.drift import DriftBaseline
from buyer_stage.quality.evaluation import compare, evaluate
from buyer_stage.quality.gate import Decision, judge
from buyer_stage.quality.holdout import LABELS, class_shares, labels, predictions
from buyer_stage.quality.model_card import ModelCard, to_markdown
from buyer_stage.quality.predictions import Matrix, Predictions, baseline_predictions
from lambdas.common.documents import load_document, read_folder
from lambdas.common.environment import Environment
from lambdas.common.errors import named_errors
from lambdas.common.events import ExecutionEvent
from lambdas.common.inference_containers import answering_containers
from lambdas.common.model_registry import package_properties

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


class Champion(BaseModel):
    """The model in use when the execution began."""

    model_name: str
    model_version: str


class Event(ExecutionEvent):
    """Input of the state `CreateAndSaveModel`."""

    automl_job_name: str
    model_name: str
    champion: Champion | None


logger, tracer, metrics = Logger(), Tracer(), Metrics()
s3, sagemaker = boto3.client("s3"), boto3.client("sagemaker")
variables = Variables.load()
labeled_set_manifest = TypeAdapter(LabeledSetManifest)

BOOTSTRAP_SEED = 7
"""Of the intervals. Fixed, so that the same answers always get the same verdict."""


@logger.inject_lambda_context(correlation_id_path="execution_name")
@tracer.capture_lambda_handler
@metrics.log_metrics
@named_errors()
@event_parser(model=Event)
def handler(event: Event, context: LambdaContext) -> dict[str, object]:
    """Evaluate the challenger (and the champion) on the holdout, write down what it is, and register it.

    Returns:
        `available`: whether the model was approved; `model_name`, `model_version`; `decision` and its `reason`.

    Raises:
        LabeledSetError: a member is in more than one split, so nobody would be an unseen one.
        ModelError: an answer to the holdout is missing, or the model is worse than no model.
    """
    job = sagemaker.describe_auto_ml_job_v2(AutoMLJobName=event.automl_job_name)
    records = {split: split_lines(_read(with_members_prefix(split))) for split in SPLIT_SHARES}
    require_disjoint_members({split: [member_of(line) for line in lines[1:]] for split, lines in records.items()})
    shares, holdout = class_shares(labels(records["train"])), labels(records["test"])
    challenger = predictions(holdout, _scores(event, event.model_name))
    champion = None if event.champion is None else predictions(holdout, _scores(event, event.champion.model_name))
    card = _make_card(event, job, shares, challenger, champion)
    texts = {
        model_card_key(card.model_version): to_json(card),
        model_card_text_key(card.model_version): to_markdown(card),
        drift_baseline_key(card.model_version): to_json(_drift_baseline(records["train"], challenger)),
    }
    for key, text in texts.items():
        s3.put_object(Bucket=variables.pipeline_bucket, Key=key, Body=text.encode())
    sagemaker.create_model_package(
        ClientToken=hashlib.sha256(event.execution_name.encode()).hexdigest()[:36],
        ModelPackageGroupName=variables.model_package_group,
        ModelPackageDescription=card.verdict.reason[:1024],
        ModelApprovalStatus=card.verdict.decision.value,
        InferenceSpecification={
            "Containers": _containers(job["BestCandidate"]),
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
    for name, estimate in card.evaluation.metrics.items():
        metrics.add_metric(f"Holdout{name.title().replace('_', '')}", MetricUnit.NoUnit, estimate.value)
    logger.info("model judged", decision=card.verdict.decision.value, reason=card.verdict.reason)
    if card.verdict.decision is Decision.REJECTED:
        raise ModelError(f"model {card.model_version} is {card.verdict.reason}; it was registered as rejected")
    return {
        "available": card.verdict.decision is Decision.APPROVED,
        "model_name": card.model_name,
        "model_version": card.model_version,
        "decision": card.verdict.decision.value,
        "reason": card.verdict.reason,
    }


def _make_card(
    event: Event,
    job: "DescribeAutoMLJobV2ResponseTypeDef",
    shares: Matrix,
    challenger: Predictions,
    champion: Predictions | None,
) -> ModelCard:
    manifest = load_document(s3, variables.pipeline_bucket, LABELED_SET_MANIFEST_KEY, labeled_set_manifest)
    if manifest is None:
        raise LabeledSetError(f"{LABELED_SET_MANIFEST_KEY} is gone; build the labeled set again")
    prior = baseline_predictions(challenger, shares, BOOTSTRAP_SEED)["prior"]
    evaluation = evaluate(challenger, shares, seed=BOOTSTRAP_SEED)
    against_prior = compare(challenger, prior, seed=BOOTSTRAP_SEED)
    against_champion = None if champion is None else compare(challenger, champion, seed=BOOTSTRAP_SEED)
    return ModelCard(
        model_version=event.automl_job_name,
        model_name=event.model_name,
        candidate_name=job["BestCandidate"]["CandidateName"],
        created_at=job["EndTime"],  # not the clock: a retry writes the same card
        code_version=variables.code_version,
        labeled_set=manifest,
        class_shares=dict(zip(LABELS, shares.tolist(), strict=True)),
        autopilot_metrics=autopilot_metrics(job["BestCandidate"]),
        evaluation=evaluation,
        against_prior=against_prior,
        champion_version=None if event.champion is None else event.champion.model_version,
        against_champion=against_champion,
        verdict=judge(evaluation, against_prior, against_champion),
    )


def _drift_baseline(train: Sequence[str], challenger: Predictions) -> DriftBaseline:
    """Count one row of each member: the last one, which is the latest snapshot's."""
    last_lines = {member_of(line): line for line in train[1:]}
    named = Counter(dict(zip(challenger.members, challenger.predicted.tolist(), strict=True)).values())
    return DriftBaseline(
        features=profile_rows([features_of(line) for line in last_lines.values()]),
        stages={label: named[index] for index, label in enumerate(LABELS)},
    )


def _containers(best: "AutoMLCandidateTypeDef") -> "list[ModelPackageContainerDefinitionTypeDef]":
    return [
        {"Image": used["Image"], "ModelDataUrl": used["ModelDataUrl"], "Environment": used["Environment"]}
        for used in answering_containers(best.get("InferenceContainers", []))
    ]


def _scores(event: Event, model_name: str) -> list[str]:
    text = _read(holdout_scores_prefix(event.execution_name, model_name), OUTPUT_FILE_SUFFIX)
    return text.splitlines()


def _read(prefix: str, suffix: str = "") -> str:
    return read_folder(s3, variables.pipeline_bucket, prefix, suffix).decode()


def autopilot_metrics(candidate: "AutoMLCandidateTypeDef") -> dict[str, float]:
    """Give a candidate's objective and what else Autopilot measured on the validation channel, by standard name."""
    objective = candidate["FinalAutoMLJobObjectiveMetric"]
    measured = candidate.get("CandidateProperties", {}).get("CandidateMetrics", [])
    return {objective["MetricName"]: objective["Value"]} | {
        metric.get("StandardMetricName", metric["MetricName"]): metric["Value"]
        for metric in measured
        if metric["Set"] == "Validation"
    }
