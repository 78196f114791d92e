"""What a batch transform is asked for, whatever it scores."""

from typing import TYPE_CHECKING

from pydantic import PositiveInt

from lambdas.common.environment import Environment

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import CreateTransformJobRequestTypeDef, DataProcessingTypeDef


class TransformVariables(Environment):
    """Environment of the functions that ask for a transform."""

    pipeline_bucket: str
    transform_instance_type: str
    transform_instance_count: PositiveInt
    kms_key_arn: str

    def transform_request(
        self, *, name: str, model_name: str, source: str, output: str, data_processing: "DataProcessingTypeDef"
    ) -> "CreateTransformJobRequestTypeDef":
        """Give the request for a transform of CSV by line to CSV by line.

        Args:
            name: of the transform job.
            model_name: of the SageMaker model.
            source: prefix of the input in the pipeline bucket.
            output: folder of the output there.
            data_processing: what the model gets of a line, and what is put out.
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
                # The literal types of the stubs name instances; which one is Terraform's to choose.
                "InstanceType": self.transform_instance_type,  # type: ignore[typeddict-item]
                "InstanceCount": self.transform_instance_count,
                "VolumeKmsKeyId": self.kms_key_arn,
            },
            "DataProcessing": data_processing,
        }
