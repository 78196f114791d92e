"""An execution starts one transform, which reads the part files only and hides ids and dates from the model."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.stub import Stubber

from buyer_stage.domain.errors import InvalidInputError
from lambdas.start_batch_transformation import handler as function


def test_transform_reads_the_part_files_and_joins_the_prediction_to_the_member(
    event: dict[str, Any], context: Any, emitted_metrics: Callable[[], dict[str, float]]
) -> None:
    name = function.handler(event, context)["transform_job_name"]
    assert emitted_metrics() == {"TransformJobsStarted": 1}

    job = function.sagemaker.describe_transform_job(TransformJobName=name)
    assert job["ModelName"] == event["model_name"]
    assert (job["BatchStrategy"], job["MaxPayloadInMB"], job["MaxConcurrentTransforms"]) == ("MultiRecord", 10, 5)
    assert job["TransformInput"] == {
        "DataSource": {
            "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://buyer-stage-pipeline/inputs/2020/01/30/part-"}
        },
        "ContentType": "text/csv",
        "SplitType": "Line",
    }
    assert job["TransformOutput"] == {
        "S3OutputPath": f"s3://buyer-stage-pipeline/inference-results/2020/01/30/{name}/",
        "Accept": "text/csv",
        "AssembleWith": "Line",
        "KmsKeyId": function.variables.kms_key_arn,
    }
    assert job["TransformResources"] == {
        "InstanceType": "ml.m5.xlarge",
        "InstanceCount": 4,
        "VolumeKmsKeyId": function.variables.kms_key_arn,
    }
    assert job["DataProcessing"] == {
        "InputFilter": "$[4:]",
        "JoinSource": "Input",
        "OutputFilter": "$[0,-3,-2,-1]",
    }


def test_retry_finds_the_transform_that_was_started(
    event: dict[str, Any], context: Any, emitted_metrics: Callable[[], dict[str, float]]
) -> None:
    first = function.handler(event, context)
    assert emitted_metrics() == {"TransformJobsStarted": 1}
    with Stubber(function.sagemaker) as stub:
        stub.add_client_error("create_transform_job", "ResourceInUse", "name must be unique", http_status_code=400)
        assert function.handler(event, context) == first
    assert emitted_metrics() == {"TransformJobsStarted": 0}


def test_missing_model_name_is_an_invalid_input(event: dict[str, Any], context: Any) -> None:
    del event["model_name"]
    with pytest.raises(InvalidInputError, match="model_name: Field required"):
        function.handler(event, context)
