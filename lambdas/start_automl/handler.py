"""Starts SageMaker Autopilot on the labeled set."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import boto3
from aws_lambda_powertools.metrics import MetricUnit
from pydantic import PositiveInt

from buyer_stage.domain.features import TARGET_COLUMN
from buyer_stage.domain.job_names import job_name
from buyer_stage.domain.s3_layout import AUTOML_OUTPUT_PREFIX, TRAINING_PREFIX, VALIDATION_PREFIX
from lambdas.common.events import ExecutionEvent
from lambdas.common.network import NetworkVariables
from lambdas.common.wiring import lambda_handler, logger, metrics

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import AutoMLSecurityConfigTypeDef


class Variables(NetworkVariables):
    """Environment of the function."""

    pipeline_bucket: str
    sagemaker_role_arn: str
    automl_max_candidates: PositiveInt
    automl_max_runtime_seconds: PositiveInt
    kms_key_arn: str


class Event(ExecutionEvent):
    """Input of the state `StartAutoML`."""


@dataclass(frozen=True)
class Result:
    """The job to wait for."""

    automl_job_name: str


sagemaker = boto3.client("sagemaker")
variables = Variables.load()
CHANNELS: dict[Literal["training", "validation"], str] = {"training": TRAINING_PREFIX, "validation": VALIDATION_PREFIX}


@lambda_handler
def handler(event: Event) -> Result:
    """Start the execution's Autopilot job, or find the one that an earlier attempt started."""
    name = job_name("buyer-stage-automl", event.execution_name)
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
            AutoMLProblemTypeConfig={
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
            },
            AutoMLJobObjective={"MetricName": "F1macro"},
            SecurityConfig=security,
            RoleArn=variables.sagemaker_role_arn,
        )
        metrics.add_metric("AutoMLJobsStarted", MetricUnit.Count, 1)
    except sagemaker.exceptions.ResourceInUse:
        logger.info("an earlier attempt has started the Autopilot job", automl_job_name=name)
        metrics.add_metric("AutoMLJobsStarted", MetricUnit.Count, 0)
    return Result(name)
