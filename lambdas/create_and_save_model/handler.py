"""Makes a SageMaker model of Autopilot's best candidate and records it as the one to score with."""

from typing import TYPE_CHECKING

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import ClientError

from buyer_stage.documents import ModelPointer, to_json
from buyer_stage.errors import ModelError
from buyer_stage.features import MODEL_FEATURES, column_checksum
from buyer_stage.job_names import job_name
from buyer_stage.s3_layout import MODEL_POINTER_KEY
from lambdas.common.errors import is_client_error, named_errors
from lambdas.common.events import ExecutionEvent
from lambdas.common.inference_containers import answering_containers
from lambdas.common.network import NetworkVariables

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import AutoMLCandidateTypeDef


class Variables(NetworkVariables):
    """Environment of the function."""

    pipeline_bucket: str
    sagemaker_role_arn: str


class Event(ExecutionEvent):
    """Input of the state `CreateAndSaveModel`."""

    automl_job_name: str


logger, tracer, metrics = Logger(), Tracer(), Metrics()
s3, sagemaker = boto3.client("s3"), boto3.client("sagemaker")
variables = Variables.load()


@logger.inject_lambda_context(correlation_id_path="execution_name")
@tracer.capture_lambda_handler
@metrics.log_metrics
@named_errors()
@event_parser(model=Event)
def handler(event: Event, context: LambdaContext) -> dict[str, object]:
    """Create the execution's model, or find it when a retry comes here again, and write the pointer to it.

    Returns:
        `model_name` and `model_version`.

    Raises:
        ModelError: the job has no best candidate, or it cannot answer with label and probabilities.
    """
    job = sagemaker.describe_auto_ml_job_v2(AutoMLJobName=event.automl_job_name)
    best = job.get("BestCandidate")
    if job["AutoMLJobStatus"] != "Completed" or best is None:
        raise ModelError(f"{event.automl_job_name} is {job['AutoMLJobStatus']} and has no best candidate to use")
    pointer = ModelPointer(
        model_name=job_name("buyer-stage-model", event.execution_name),
        model_version=event.automl_job_name,
        candidate_name=best["CandidateName"],
        validation_metrics=validation_metrics(best),
        column_checksum=column_checksum(MODEL_FEATURES),
        created_at=job["EndTime"],  # not the clock: a retry writes the same pointer
    )
    try:
        sagemaker.create_model(
            ModelName=pointer.model_name,
            ExecutionRoleArn=variables.sagemaker_role_arn,
            Containers=answering_containers(best.get("InferenceContainers", [])),
            # A model answers from what it was given; it has no business on a network.
            EnableNetworkIsolation=True,
            **variables.vpc_setting,
        )
    except ClientError as error:
        if not is_client_error(error, "ValidationException", "already existing model"):
            raise
        logger.info("this execution has already created its model", model_name=pointer.model_name)
    s3.put_object(
        Bucket=variables.pipeline_bucket,
        Key=MODEL_POINTER_KEY,
        Body=to_json(pointer).encode(),
        ContentType="application/json",
    )
    for name, value in pointer.validation_metrics.items():
        metrics.add_metric(f"Validation{name}", MetricUnit.NoUnit, value)
    return {"model_name": pointer.model_name, "model_version": pointer.model_version}


def validation_metrics(candidate: "AutoMLCandidateTypeDef") -> dict[str, float]:
    """Give a candidate's objective and what else Autopilot measured on the validation channel, by standard name."""
    objective = candidate["FinalAutoMLJobObjectiveMetric"]
    measured = candidate.get("CandidateProperties", {}).get("CandidateMetrics", [])
    return {objective["MetricName"]: objective["Value"]} | {
        metric.get("StandardMetricName", metric["MetricName"]): metric["Value"]
        for metric in measured
        if metric["Set"] == "Validation"
    }
