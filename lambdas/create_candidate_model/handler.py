"""Creates a SageMaker model from Autopilot's best candidate, and starts the transforms that score the holdout."""

from dataclasses import dataclass

import boto3
from aws_lambda_powertools.metrics import MetricUnit
from botocore.exceptions import ClientError

from buyer_stage.domain.errors import ModelError
from buyer_stage.domain.s3_layout import PART_FILE_PREFIX, TEST_NO_TARGET_PREFIX, holdout_scores_prefix
from buyer_stage.domain.transform_output import PREDICTION_FILTER
from lambdas.common.automl_jobs import best_candidate, status_of
from lambdas.common.batch_transforms import StartedTransform, TransformVariables, start_transform
from lambdas.common.documents import load_labeled_set
from lambdas.common.errors import is_client_error
from lambdas.common.events import ExecutionEvent
from lambdas.common.inference_containers import predicting_containers
from lambdas.common.model_registry import newest_approved_model
from lambdas.common.network import NetworkVariables
from lambdas.common.wiring import lambda_handler, logger, metrics


class Variables(NetworkVariables, TransformVariables):
    """Environment of the function."""

    sagemaker_role_arn: str
    model_package_group: str


class Event(ExecutionEvent):
    """Input of the state `CreateCandidateModel`."""

    automl_job_name: str


@dataclass(frozen=True)
class Result:
    """What the comparison of the challenger with the champion needs.

    Attributes:
        champion_version: model version of the champion; None if no model has been approved.
        transform_job_names: the transforms that score the holdout, the challenger's first, the champion's second.
        new_transform_job_names: those of them that this call has started.
    """

    champion_version: str | None
    transform_job_names: list[str]
    new_transform_job_names: list[str]


s3, sagemaker = boto3.client("s3"), boto3.client("sagemaker")
variables = Variables.load()


@lambda_handler
def handler(event: Event) -> Result:
    """Create the job's model, or find the one that an earlier attempt created, and have the holdout scored.

    Raises:
        LabeledSetError: there is no labeled set.
        ModelError: the job has no best candidate, or the candidate cannot output probabilities.
    """
    job = sagemaker.describe_auto_ml_job_v2(AutoMLJobName=event.automl_job_name)
    best = best_candidate(job)
    if best is None:
        raise ModelError(f"{event.automl_job_name} has no best candidate: it is {status_of(job)}; read the job's log")
    holdout_checksum = load_labeled_set(s3, variables.pipeline_bucket).with_members_sha256["test"]
    try:
        sagemaker.create_model(
            ModelName=event.automl_job_name,
            ExecutionRoleArn=variables.sagemaker_role_arn,
            Containers=predicting_containers(best.get("InferenceContainers", [])),
            # A model needs its input only, not a network.
            EnableNetworkIsolation=True,
            Tags=variables.resource_tags(),
            **variables.vpc_setting,
        )
    except ClientError as error:
        if not is_client_error(error, "ValidationException", "already existing model"):
            raise
        logger.info("an earlier attempt has created the model", model_version=event.automl_job_name)
    champion = newest_approved_model(sagemaker, variables.model_package_group)
    metrics.add_metric("ChampionsChallenged", MetricUnit.Count, 0 if champion is None else 1)
    versions = [event.automl_job_name, *([] if champion is None else [champion.model_version])]
    transforms = [_score_holdout(version, holdout_checksum) for version in versions]
    return Result(
        None if champion is None else champion.model_version,
        [transform.job_name for transform in transforms],
        [transform.job_name for transform in transforms if transform.is_new],
    )


def _score_holdout(model_version: str, holdout_checksum: str) -> StartedTransform:
    """Have a model score the holdout: rows without ids in, predictions in the same order out."""
    return start_transform(
        sagemaker,
        s3,
        variables,
        purpose="holdout",
        work=(holdout_checksum,),
        model_version=model_version,
        source=TEST_NO_TARGET_PREFIX + PART_FILE_PREFIX,
        output_folder=holdout_scores_prefix,
        data_processing={"InputFilter": "$[0:]", "JoinSource": "Input", "OutputFilter": PREDICTION_FILTER},
    )
