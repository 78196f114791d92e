"""Starts SageMaker Autopilot on the labeled set, unless an earlier attempt can be continued or is enough."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

import boto3
from aws_lambda_powertools.metrics import MetricUnit
from pydantic import AwareDatetime, Field, PositiveInt

from buyer_stage.domain.features import TARGET_COLUMN
from buyer_stage.domain.job_names import job_name
from buyer_stage.domain.s3_layout import AUTOML_OUTPUT_PREFIX, TRAINING_PREFIX, VALIDATION_PREFIX
from buyer_stage.domain.training_attempts import Attempt, Continue, Outcome, Refuse, Start, decide
from lambdas.common.attempts import find_attempts
from lambdas.common.automl_jobs import best_candidate, status_of
from lambdas.common.documents import object_exists
from lambdas.common.environment import JobVariables
from lambdas.common.events import ExecutionEvent
from lambdas.common.model_registry import models_registered_since
from lambdas.common.network import NetworkVariables
from lambdas.common.wiring import lambda_handler, logger, metrics

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import (
        AutoMLCandidateTypeDef,
        AutoMLJobObjectiveTypeDef,
        AutoMLProblemTypeConfigUnionTypeDef,
        AutoMLSecurityConfigTypeDef,
        DescribeAutoMLJobV2ResponseTypeDef,
    )


class Variables(NetworkVariables, JobVariables):
    """Environment of the function."""

    pipeline_bucket: str
    sagemaker_role_arn: str
    model_package_group: str
    automl_max_candidates: PositiveInt
    automl_max_runtime_seconds: PositiveInt
    kms_key_arn: str


class Event(ExecutionEvent):
    """Input of the state `StartAutoML`.

    Attributes:
        execution_start_time: start of the execution, which decides whether the next attempt is due.
        retrain: whether the execution's input asks for a training.
        training_checksum: checksum of the training split.
        validation_checksum: checksum of the validation split.
    """

    execution_start_time: AwareDatetime
    retrain: bool
    training_checksum: str = Field(min_length=1)
    validation_checksum: str = Field(min_length=1)


@dataclass(frozen=True)
class Result:
    """Whether to wait for a training.

    Attributes:
        automl_job_name: the job to wait for; None if there is no training.
        reason: why there is one or none.
        is_new: whether this call has started the job.
    """

    automl_job_name: str | None
    reason: str
    is_new: bool


s3, sagemaker = boto3.client("s3"), boto3.client("sagemaker")
variables = Variables.load()
CHANNELS: dict[Literal["training", "validation"], str] = {"training": TRAINING_PREFIX, "validation": VALIDATION_PREFIX}
OBJECTIVE: "AutoMLJobObjectiveTypeDef" = {"MetricName": "F1macro"}


@lambda_handler
def handler(event: Event) -> Result:
    """Start the next attempt, find the one to continue, or say why there is no training."""
    work = (event.training_checksum, event.validation_checksum, json.dumps([_search(), OBJECTIVE], sort_keys=True))

    def name(attempt: int) -> str:
        return job_name(variables.environment, "", *work, attempt=attempt)

    jobs = find_attempts(name, lambda job: sagemaker.describe_auto_ml_job_v2(AutoMLJobName=job))
    decision = decide(_attempts(jobs), retrain=event.retrain, today=event.execution_start_time.astimezone(UTC).date())
    is_new = isinstance(decision, Start) and _start(name(decision.attempt))
    metrics.add_metric("AutoMLJobsStarted", MetricUnit.Count, 1 if is_new else 0)
    found: str | None
    match decision:
        case Start():
            found = name(decision.attempt)
        case Continue():
            found = decision.job_name
        case Refuse():
            found = None
    logger.info("training decided", automl_job_name=found, is_new=is_new, reason=decision.reason)
    return Result(found, decision.reason, is_new)


def _attempts(jobs: "Sequence[DescribeAutoMLJobV2ResponseTypeDef]") -> list[Attempt]:
    """Look up what became of each job and, if one has trained a model, what the registry says about it."""
    outcomes = [_outcome(job) for job in jobs]
    registered = (
        models_registered_since(sagemaker, variables.model_package_group, jobs[0]["CreationTime"])
        if Outcome.TRAINED in outcomes
        else {}
    )
    attempts = []
    for job, outcome in zip(jobs, outcomes, strict=True):
        model = registered.get(job["AutoMLJobName"])
        status, verdict = (None, "") if model is None else (model.approval_status, model.verdict)
        day = job["CreationTime"].astimezone(UTC).date()
        attempts.append(Attempt(job["AutoMLJobName"], day, outcome, status, verdict))
    return attempts


def _outcome(job: "DescribeAutoMLJobV2ResponseTypeDef") -> Outcome:
    if status_of(job) == "InProgress":
        return Outcome.RUNNING
    best = best_candidate(job)
    if best is None:
        return Outcome.FAILED
    return Outcome.TRAINED if _is_output_complete(best) else Outcome.DELETED


def _is_output_complete(best: "AutoMLCandidateTypeDef") -> bool:
    urls = [urlsplit(container["ModelDataUrl"]) for container in best.get("InferenceContainers", [])]
    return all(object_exists(s3, url.netloc, url.path.lstrip("/")) for url in urls)


def _search() -> "AutoMLProblemTypeConfigUnionTypeDef":
    return {
        "TabularJobConfig": {
            "TargetAttributeName": TARGET_COLUMN,
            "ProblemType": "MulticlassClassification",
            # Below 100 MB of data, the default mode is ensembling, which tries only ten candidates.
            "Mode": "HYPERPARAMETER_TUNING",
            "GenerateCandidateDefinitionsOnly": False,
            "CompletionCriteria": {
                "MaxCandidates": variables.automl_max_candidates,
                "MaxAutoMLJobRuntimeInSeconds": variables.automl_max_runtime_seconds,
            },
        }
    }


def _start(name: str) -> bool:
    """Start a job; return False if another execution was faster."""
    root = f"s3://{variables.pipeline_bucket}/"
    security: AutoMLSecurityConfigTypeDef = {
        "VolumeKmsKeyId": variables.kms_key_arn,
        "EnableInterContainerTrafficEncryption": True,
        **variables.vpc_setting,
    }
    try:
        sagemaker.create_auto_ml_job_v2(
            AutoMLJobName=name,
            # With one channel, Autopilot would split by row and rank its candidates on members it was trained on.
            AutoMLJobInputDataConfig=[
                {
                    "ChannelType": channel,
                    "ContentType": "text/csv;header=present",
                    "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": root + prefix}},
                }
                for channel, prefix in CHANNELS.items()
            ],
            OutputDataConfig={"S3OutputPath": root + AUTOML_OUTPUT_PREFIX, "KmsKeyId": variables.kms_key_arn},
            AutoMLProblemTypeConfig=_search(),
            AutoMLJobObjective=OBJECTIVE,
            SecurityConfig=security,
            RoleArn=variables.sagemaker_role_arn,
            Tags=variables.resource_tags(),
        )
    except sagemaker.exceptions.ResourceInUse:
        logger.info("another execution has started the attempt", automl_job_name=name)
        return False
    return True
