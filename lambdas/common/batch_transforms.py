"""Builds the request for a batch transform, whatever it scores."""

from typing import TYPE_CHECKING

from pydantic import PositiveInt

from lambdas.common.environment import Environment

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import CreateTransformJobRequestTypeDef, DataProcessingTypeDef


class TransformVariables(Environment):
    """Environment of the functions that request a transform."""

    pipeline_bucket: str
    transform_instance_type: str
    transform_instance_count: PositiveInt
    kms_key_arn: str

    def transform_request(
        self, *, name: str, model_name: str, source: str, output: str, data_processing: "DataProcessingTypeDef"
    ) -> "CreateTransformJobRequestTypeDef":
        """Build the request for a transform that reads and writes CSV line by line.

        Args:
            name: name of the transform job.
            model_name: name of the SageMaker model.
            source: prefix of the input in the pipeline bucket.
            output: folder of the output in the pipeline bucket.
            data_processing: which columns the model reads, and which the output keeps.
        """
        root = f"s3://{self.pipeline_bucket}/"
        return {
            "TransformJobName": name,
            "ModelName": model_name,
            "BatchStrategy": "MultiRecord",
            "MaxPayloadInMB": 10,
            "MaxConcurrentTransforms": 5,
            "TransformInput": {
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": root + source}},
                "ContentType": "text/csv",
                "SplitType": "Line",
            },
            "TransformOutput": {
                "S3OutputPath": root + output,
                "Accept": "text/csv",
                "AssembleWith": "Line",
                "KmsKeyId": self.kms_key_arn,
            },
            "TransformResources": {
                # The stubs list the instance types; Terraform decides which one to use.
                "InstanceType": self.transform_instance_type,  # type: ignore[typeddict-item]
                "InstanceCount": self.transform_instance_count,
                "VolumeKmsKeyId": self.kms_key_arn,
            },
            "DataProcessing": data_processing,
        }
