"""Starts SageMaker Autopilot on the labeled set."""

from typing import TYPE_CHECKING, Literal

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import PositiveInt

from buyer_stage.domain.features import TARGET_COLUMN
from buyer_stage.domain.job_names import job_name
from buyer_stage.domain.s3_layout import AUTOML_OUTPUT_PREFIX, TRAINING_PREFIX, VALIDATION_PREFIX
from lambdas.common.errors import named_errors
from lambdas.common.events import ExecutionEvent
from lambdas.common.network import NetworkVariables

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


logger, tracer, metrics = Logger(), Tracer(), Metrics()
sagemaker = boto3.client("sagemaker")
variables = Variables.load()
CHANNELS: dict[Literal["training", "validation"], str] = {"training": TRAINING_PREFIX, "validation": VALIDATION_PREFIX}


@logger.inject_lambda_context(correlation_id_path="execution_name")
@tracer.capture_lambda_handler
@metrics.log_metrics
@named_errors()
@event_parser(model=Event)
def handler(event: Event, context: LambdaContext) -> dict[str, object]:
    """Start the execution's Autopilot job, or find it when a retry comes here again.

    Returns:
        `automl_job_name`.
    """
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
            # Two channels that share no member: left alone, Autopilot would split by row and rank on known members.
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
                    # Named, because for less than 100 MB the default is ensembling, which tries ten candidates.
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
        logger.info("this execution has already started its Autopilot job", automl_job_name=name)
        metrics.add_metric("AutoMLJobsStarted", MetricUnit.Count, 0)
    return {"automl_job_name": name}
