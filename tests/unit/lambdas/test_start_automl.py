"""An execution starts one Autopilot job, on channels that share no member."""

import os
from collections.abc import Callable
from typing import Any

import pytest
from botocore.stub import Stubber

from lambdas.common.errors import TransientAwsError
from lambdas.start_automl import handler as function


def test_job_trains_on_the_training_members_and_ranks_on_the_validation_members(
    event: dict[str, Any], context: Any, emitted_metrics: Callable[[], dict[str, float]]
) -> None:
    result = function.handler(event, context)
    assert emitted_metrics() == {"AutoMLJobsStarted": 1}

    job = function.sagemaker.describe_auto_ml_job_v2(AutoMLJobName=result["automl_job_name"])
    channels = {c["ChannelType"]: c["DataSource"]["S3DataSource"]["S3Uri"] for c in job["AutoMLJobInputDataConfig"]}
    assert channels == {
        "training": "s3://buyer-stage-pipeline/train/csv/",
        "validation": "s3://buyer-stage-pipeline/validation/csv/",
    }
    assert {c["ContentType"] for c in job["AutoMLJobInputDataConfig"]} == {"text/csv;header=present"}
    assert job["AutoMLJobObjective"] == {"MetricName": "F1macro"}
    assert job["AutoMLProblemTypeConfig"]["TabularJobConfig"] == {
        "TargetAttributeName": "buyer_stage",
        "ProblemType": "MulticlassClassification",
        "Mode": "HYPERPARAMETER_TUNING",
        "GenerateCandidateDefinitionsOnly": False,
        "CompletionCriteria": {"MaxCandidates": 200, "MaxAutoMLJobRuntimeInSeconds": 8000},
    }
    assert job["OutputDataConfig"] == {
        "S3OutputPath": "s3://buyer-stage-pipeline/sagemaker-automl/output/",
        "KmsKeyId": function.variables.kms_key_arn,
    }
    assert job["SecurityConfig"] == {
        "VolumeKmsKeyId": function.variables.kms_key_arn,
        "EnableInterContainerTrafficEncryption": True,
    }


def test_job_runs_in_the_subnets_that_the_environment_names(
    event: dict[str, Any], context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = {"SUBNET_IDS": '["subnet-1", "subnet-2"]', "SECURITY_GROUP_IDS": '["sg-1"]'}
    monkeypatch.setattr(function, "variables", function.Variables.model_validate({**os.environ, **network}))
    name = function.handler(event, context)["automl_job_name"]
    security = function.sagemaker.describe_auto_ml_job_v2(AutoMLJobName=name)["SecurityConfig"]
    assert security["VpcConfig"] == {"Subnets": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]}


def test_retry_finds_the_job_that_was_started(
    event: dict[str, Any], context: Any, emitted_metrics: Callable[[], dict[str, float]]
) -> None:
    first = function.handler(event, context)
    assert emitted_metrics() == {"AutoMLJobsStarted": 1}
    with Stubber(function.sagemaker) as stub:
        stub.add_client_error("create_auto_ml_job_v2", "ResourceInUse", "name must be unique", http_status_code=400)
        assert function.handler(event, context) == first
    assert emitted_metrics() == {"AutoMLJobsStarted": 0}


def test_another_execution_gets_another_job(event: dict[str, Any], context: Any) -> None:
    other = {**event, "execution_name": "daily-2020-02-02"}
    assert function.handler(event, context) != function.handler(other, context)


def test_quota_is_not_mistaken_for_a_started_job(event: dict[str, Any], context: Any) -> None:
    with Stubber(function.sagemaker) as stub:
        stub.add_client_error("create_auto_ml_job_v2", "ResourceLimitExceeded", "quota", http_status_code=400)
        with pytest.raises(function.sagemaker.exceptions.ResourceLimitExceeded):
            function.handler(event, context)


def test_throttling_is_transient(event: dict[str, Any], context: Any) -> None:
    with Stubber(function.sagemaker) as stub:
        stub.add_client_error("create_auto_ml_job_v2", "ThrottlingException", "slow down", http_status_code=400)
        with pytest.raises(TransientAwsError, match="slow down"):
            function.handler(event, context)
