"""Makes a SageMaker model of Autopilot's best candidate, and says how it is asked about the holdout."""

from typing import TYPE_CHECKING

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import ClientError

from buyer_stage.domain.errors import ModelError
from buyer_stage.domain.job_names import job_name
from buyer_stage.domain.s3_layout import PART_FILE_PREFIX, TEST_NO_TARGET_PREFIX, holdout_scores_prefix
from buyer_stage.domain.transform_output import PREDICTION_FILTER
from lambdas.common.batch_transforms import TransformVariables
from lambdas.common.errors import is_client_error, named_errors
from lambdas.common.events import ExecutionEvent
from lambdas.common.inference_containers import answering_containers
from lambdas.common.model_registry import RegisteredModel, newest_model
from lambdas.common.network import NetworkVariables

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import CreateTransformJobRequestTypeDef


class Variables(NetworkVariables, TransformVariables):
    """Environment of the function."""

    sagemaker_role_arn: str
    model_package_group: str


class Event(ExecutionEvent):
    """Input of the state `CreateCandidateModel`."""

    automl_job_name: str


logger, tracer, metrics = Logger(), Tracer(), Metrics()
sagemaker = boto3.client("sagemaker")
variables = Variables.load()


@logger.inject_lambda_context(correlation_id_path="execution_name")
@tracer.capture_lambda_handler
@metrics.log_metrics
@named_errors()
@event_parser(model=Event)
def handler(event: Event, context: LambdaContext) -> dict[str, object]:
    """Create the execution's model, or find it when a retry comes here again.

    Returns:
        `model_name`; `champion`: name and version of the model in use, or None; `holdout_transforms`: the requests by
        which the holdout is scored, the challenger's first.

    Raises:
        ModelError: the job has no best candidate, or it cannot answer with label and probabilities.
    """
    job = sagemaker.describe_auto_ml_job_v2(AutoMLJobName=event.automl_job_name)
    best = job.get("BestCandidate")
    if job["AutoMLJobStatus"] != "Completed" or best is None:
        raise ModelError(f"{event.automl_job_name} is {job['AutoMLJobStatus']} and has no best candidate to use")
    model_name = job_name("buyer-stage-model", event.execution_name)
    try:
        sagemaker.create_model(
            ModelName=model_name,
            ExecutionRoleArn=variables.sagemaker_role_arn,
            Containers=answering_containers(best.get("InferenceContainers", [])),
            # A model answers from what it was given; it has no business on a network.
            EnableNetworkIsolation=True,
            **variables.vpc_setting,
        )
    except ClientError as error:
        if not is_client_error(error, "ValidationException", "already existing model"):
            raise
        logger.info("this execution has already created its model", model_name=model_name)
    champion = newest_model(sagemaker, variables.model_package_group, "Approved")
    metrics.add_metric("ChampionsChallenged", MetricUnit.Count, 0 if champion is None else 1)
    return {
        "model_name": model_name,
        "champion": None if champion is None else _named(champion),
        "holdout_transforms": [
            holdout_transform(name, event.execution_name)
            for name in [model_name, *([] if champion is None else [champion.model_name])]
        ],
    }


def _named(champion: RegisteredModel) -> dict[str, str]:
    return {"model_name": champion.model_name, "model_version": champion.model_version}


def holdout_transform(model_name: str, execution_name: str) -> "CreateTransformJobRequestTypeDef":
    """Give the request by which a model is asked about the holdout: rows without ids, answers in their order."""
    return variables.transform_request(
        name=job_name("buyer-stage-holdout", f"{execution_name} {model_name}"),
        model_name=model_name,
        source=TEST_NO_TARGET_PREFIX + PART_FILE_PREFIX,
        output=holdout_scores_prefix(execution_name, model_name),
        data_processing={"InputFilter": "$[0:]", "JoinSource": "Input", "OutputFilter": PREDICTION_FILTER},
    )
