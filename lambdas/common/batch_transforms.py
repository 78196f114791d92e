"""Starts a batch transform, whatever it scores, unless an attempt at the same work can be joined or reused."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import PositiveInt

from buyer_stage.domain.job_names import job_name
from buyer_stage.domain.transform_output import OUTPUT_FILE_SUFFIX
from lambdas.common.attempts import find_attempts
from lambdas.common.documents import list_keys
from lambdas.common.environment import JobVariables
from lambdas.common.sagemaker_jobs import UNFINISHED_STATUSES
from lambdas.common.wiring import logger

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker.type_defs import DataProcessingTypeDef, DescribeTransformJobResponseTypeDef

INPUT_FILES_TAG = "input_files"
"""Tag with the number of a job's input files. Their names are random, and the ETL writes them again later."""


class TransformVariables(JobVariables):
    """Environment of the functions that start a transform."""

    pipeline_bucket: str
    transform_instance_type: str
    transform_instance_count: PositiveInt
    kms_key_arn: str


@dataclass(frozen=True)
class StartedTransform:
    """A transform to wait for.

    Attributes:
        job_name: name of the transform job.
        is_new: whether this call has started it.
    """

    job_name: str
    is_new: bool


def start_transform(
    sagemaker: "SageMakerClient",
    s3: "S3Client",
    variables: TransformVariables,
    *,
    purpose: str,
    work: tuple[str, ...],
    model_version: str,
    source: str,
    output_folder: Callable[[str], str],
    data_processing: "DataProcessingTypeDef",
) -> StartedTransform:
    """Join the running attempt at a transform, reuse the completed one, or start the next attempt.

    Args:
        sagemaker: the client.
        s3: the client.
        variables: the function's environment.
        purpose: what the job is for, as in its name.
        work: what decides the scores, apart from the model.
        model_version: the model that scores, which the SageMaker model is named after.
        source: prefix of the input in the pipeline bucket.
        output_folder: returns the folder of a job's output in the pipeline bucket.
        data_processing: which columns the model reads, and which the output keeps.
    """
    bucket = variables.pipeline_bucket

    def name(attempt: int) -> str:
        return job_name(variables.environment, purpose, *work, model_version, attempt=attempt)

    attempts = find_attempts(name, lambda job: sagemaker.describe_transform_job(TransformJobName=job))
    if attempts:
        last = attempts[-1]
        status, last_name = last["TransformJobStatus"], last["TransformJobName"]
        is_usable = status in UNFINISHED_STATUSES or (
            status == "Completed" and _is_complete(sagemaker, s3, bucket, last, output_folder(last_name))
        )
        logger.info("last attempt", transform_job_name=last_name, status=status, is_usable=is_usable)
        if is_usable:
            return StartedTransform(last_name, is_new=False)
    next_name = name(len(attempts) + 1)
    try:
        sagemaker.create_transform_job(
            TransformJobName=next_name,
            ModelName=model_version,
            BatchStrategy="MultiRecord",
            # MaxPayloadInMB and MaxConcurrentTransforms stay open: the model's containers know what they can take.
            TransformInput={
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/{source}"}},
                "ContentType": "text/csv",
                "SplitType": "Line",
            },
            TransformOutput={
                "S3OutputPath": f"s3://{bucket}/{output_folder(next_name)}",
                "Accept": "text/csv",
                "AssembleWith": "Line",
                "KmsKeyId": variables.kms_key_arn,
            },
            TransformResources={
                # The stubs list the instance types; Terraform decides which one to use.
                "InstanceType": variables.transform_instance_type,  # type: ignore[typeddict-item]
                "InstanceCount": variables.transform_instance_count,
                "VolumeKmsKeyId": variables.kms_key_arn,
            },
            DataProcessing=data_processing,
            Tags=variables.resource_tags(**{INPUT_FILES_TAG: str(len(list_keys(s3, bucket, source)))}),
        )
    except sagemaker.exceptions.ResourceInUse:
        logger.info("another execution has started the attempt", transform_job_name=next_name)
        return StartedTransform(next_name, is_new=False)
    return StartedTransform(next_name, is_new=True)


def _is_complete(
    sagemaker: "SageMakerClient",
    s3: "S3Client",
    bucket: str,
    job: "DescribeTransformJobResponseTypeDef",
    folder: str,
) -> bool:
    """Check that a completed job's output holds a file for each input file that the job had."""
    tags = {tag["Key"]: tag["Value"] for tag in sagemaker.list_tags(ResourceArn=job["TransformJobArn"])["Tags"]}
    files = [key for key in list_keys(s3, bucket, folder) if key.endswith(OUTPUT_FILE_SUFFIX)]
    return tags.get(INPUT_FILES_TAG) == str(len(files))
