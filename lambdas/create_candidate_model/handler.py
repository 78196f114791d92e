"""Creates a SageMaker model from Autopilot's best candidate and prepares the transforms that score the holdout."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
from aws_lambda_powertools.metrics import MetricUnit
from botocore.exceptions import ClientError

from buyer_stage.domain.errors import ModelError
from buyer_stage.domain.job_names import job_name
from buyer_stage.domain.s3_layout import PART_FILE_PREFIX, TEST_NO_TARGET_PREFIX, holdout_scores_prefix
from buyer_stage.domain.transform_output import PREDICTION_FILTER
from lambdas.common.batch_transforms import TransformVariables
from lambdas.common.errors import is_client_error
from lambdas.common.events import ExecutionEvent
from lambdas.common.inference_containers import predicting_containers
from lambdas.common.model_registry import Champion, newest_model
from lambdas.common.network import NetworkVariables
from lambdas.common.wiring import lambda_handler, logger, metrics

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import CreateTransformJobRequestTypeDef


class Variables(NetworkVariables, TransformVariables):
    """Environment of the function."""

    sagemaker_role_arn: str
    model_package_group: str


class Event(ExecutionEvent):
    """Input of the state `CreateCandidateModel`."""

    automl_job_name: str


@dataclass(frozen=True)
class Result:
    """The challenger and what its comparison with the champion needs.

    Attributes:
        model_name: name of the challenger's SageMaker model.
        champion: None if no model has been approved.
        holdout_transforms: the requests for the transforms that score the holdout, the challenger's first.
    """

    model_name: str
    champion: Champion | None
    holdout_transforms: "list[CreateTransformJobRequestTypeDef]"


sagemaker = boto3.client("sagemaker")
variables = Variables.load()


@lambda_handler
def handler(event: Event) -> Result:
    """Create the execution's model, or find the one that an earlier attempt created.

    Raises:
        ModelError: the job has no best candidate, or the candidate cannot output probabilities.
    """
    job = sagemaker.describe_auto_ml_job_v2(AutoMLJobName=event.automl_job_name)
    best = job.get("BestCandidate")
    if job["AutoMLJobStatus"] != "Completed" or best is None:
        raise ModelError(
            f"{event.automl_job_name} is {job['AutoMLJobStatus']} and has no best candidate; start a new execution"
        )
    model_name = job_name("buyer-stage-model", event.execution_name)
    try:
        sagemaker.create_model(
            ModelName=model_name,
            ExecutionRoleArn=variables.sagemaker_role_arn,
            Containers=predicting_containers(best.get("InferenceContainers", [])),
            # A model needs its input only, not a network.
            EnableNetworkIsolation=True,
            **variables.vpc_setting,
        )
    except ClientError as error:
        if not is_client_error(error, "ValidationException", "already existing model"):
            raise
        logger.info("an earlier attempt has created the model", model_name=model_name)
    approved = newest_model(sagemaker, variables.model_package_group, "Approved")
    metrics.add_metric("ChampionsChallenged", MetricUnit.Count, 0 if approved is None else 1)
    champion = None if approved is None else Champion(approved.model_name, approved.model_version)
    names = [model_name] if champion is None else [model_name, champion.model_name]
    return Result(model_name, champion, [holdout_transform(name, event.execution_name) for name in names])


def holdout_transform(model_name: str, execution_name: str) -> "CreateTransformJobRequestTypeDef":
    """Build the request for scoring the holdout: rows without ids in, predictions in the same order out."""
    return variables.transform_request(
        name=job_name("buyer-stage-holdout", f"{execution_name} {model_name}"),
        model_name=model_name,
        source=TEST_NO_TARGET_PREFIX + PART_FILE_PREFIX,
        output=holdout_scores_prefix(execution_name, model_name),
        data_processing={"InputFilter": "$[0:]", "JoinSource": "Input", "OutputFilter": PREDICTION_FILTER},
    )
