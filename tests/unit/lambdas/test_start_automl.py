"""A labeled set has one training, on channels that share no member; other executions join it or get a reason."""

import os
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from lambdas.common.errors import TransientAwsError
from lambdas.common.model_registry import package_properties
from lambdas.start_automl import handler as function

Metrics = Callable[[], dict[str, float]]
LIMIT = {"AutoMLJobStatus": "Stopped", "AutoMLJobSecondaryStatus": "MaxAutoMLJobRuntimeReached"}
FAILED = {"AutoMLJobStatus": "Failed", "AutoMLJobSecondaryStatus": "Failed"}


@pytest.fixture(autouse=True)
def group(aws: None) -> None:
    """An empty model package group."""
    function.sagemaker.create_model_package_group(ModelPackageGroupName=function.variables.model_package_group)


@pytest.fixture
def describe_as(monkeypatch: pytest.MonkeyPatch, completed_job: dict[str, Any]) -> Callable[..., None]:
    """Let SageMaker describe all jobs as completed on February 1, 2020, but for these fields; moto's never end."""
    describe = function.sagemaker.describe_auto_ml_job_v2

    def set_fields(**fields: Any) -> None:
        def described(**request: Any) -> dict[str, Any]:
            return {**completed_job, "AutoMLJobName": describe(**request)["AutoMLJobName"], **fields}

        monkeypatch.setattr(function.sagemaker, "describe_auto_ml_job_v2", described)

    return set_fields


@pytest.fixture
def complete_output(put: Callable[[str, str], None], completed_job: dict[str, Any]) -> list[str]:
    """The model data of the completed job's containers, in the pipeline bucket."""
    keys = []
    for container in completed_job["BestCandidate"]["InferenceContainers"]:
        keys.append(f"sagemaker-automl/output/{container['ModelDataUrl'].rpartition('/')[2]}")
        container["ModelDataUrl"] = f"s3://buyer-stage-pipeline/{keys[-1]}"
        put(keys[-1], "model")
    return keys


def register(model_version: str, status: str) -> None:
    function.sagemaker.create_model_package(
        ModelPackageGroupName=function.variables.model_package_group,
        ModelApprovalStatus=status,
        ModelPackageDescription="not clearly better",
        CustomerMetadataProperties=package_properties(model_version),
    )


def test_job_trains_on_the_training_members_and_ranks_on_the_validation_members(
    event: dict[str, Any], context: Any, emitted_metrics: Metrics
) -> None:
    result = function.handler(event, context)
    assert emitted_metrics() == {"AutoMLJobsStarted": 1}
    assert result["reason"] == "attempt 1 on this labeled set"
    assert result["automl_job_name"].startswith("buy-test-")

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
    assert function.sagemaker.list_tags(ResourceArn=job["AutoMLJobArn"])["Tags"] == [
        {"Key": "environment", "Value": "test"},
        {"Key": "product", "Value": "buyer-stage"},
    ]


def test_job_runs_in_the_subnets_that_the_environment_names(
    event: dict[str, Any], context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = {"SUBNET_IDS": '["subnet-1", "subnet-2"]', "SECURITY_GROUP_IDS": '["sg-1"]'}
    monkeypatch.setattr(function, "variables", function.Variables.model_validate({**os.environ, **network}))
    name = function.handler(event, context)["automl_job_name"]
    security = function.sagemaker.describe_auto_ml_job_v2(AutoMLJobName=name)["SecurityConfig"]
    assert security["VpcConfig"] == {"Subnets": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]}


def test_another_execution_joins_the_running_job(event: dict[str, Any], context: Any, emitted_metrics: Metrics) -> None:
    first = function.handler(event, context)
    assert emitted_metrics() == {"AutoMLJobsStarted": 1}
    second = function.handler({**event, "execution_name": "second", "retrain": True}, context)
    assert second["automl_job_name"] == first["automl_job_name"]
    assert (first["is_new"], second["is_new"]) == (True, False)
    assert emitted_metrics() == {"AutoMLJobsStarted": 0}


def test_job_that_another_execution_starts_at_the_same_moment_is_joined(
    event: dict[str, Any], context: Any, emitted_metrics: Metrics
) -> None:
    first = function.handler(event, context)
    assert (first["is_new"], emitted_metrics()) == (True, {"AutoMLJobsStarted": 1})
    with Stubber(function.sagemaker) as stub:
        stub.add_client_error("describe_auto_ml_job_v2", "ResourceNotFound")
        stub.add_client_error("create_auto_ml_job_v2", "ResourceInUse", "name must be unique", http_status_code=400)
        assert function.handler(event, context) == {**first, "is_new": False}
    assert emitted_metrics() == {"AutoMLJobsStarted": 0}


@pytest.mark.parametrize("changed", ["training_checksum", "validation_checksum"])
def test_changed_labeled_set_has_its_own_job(event: dict[str, Any], context: Any, changed: str) -> None:
    names = [function.handler(each, context)["automl_job_name"] for each in (event, {**event, changed: "other"})]
    assert len(set(names)) == 2
    assert {name.rpartition("-")[2] for name in names} == {"1"}


def test_changed_limit_of_the_search_has_its_own_job(
    event: dict[str, Any], context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = function.handler(event, context)
    monkeypatch.setattr(function, "variables", function.variables.model_copy(update={"automl_max_candidates": 250}))
    assert function.handler(event, context)["automl_job_name"] != first["automl_job_name"]


@pytest.mark.usefixtures("complete_output")
@pytest.mark.parametrize("ended", [{}, LIMIT])
def test_finished_job_is_resumed_until_its_model_is_registered(
    event: dict[str, Any], context: Any, describe_as: Callable[..., None], ended: dict[str, str]
) -> None:
    name = function.handler(event, context)["automl_job_name"]
    describe_as(**ended)
    assert function.handler(event, context)["automl_job_name"] == name
    register(name, "PendingManualApproval")
    result = function.handler(event, context)
    assert result["automl_job_name"] is None
    assert result["reason"].startswith(f"model {name} waits for approval: not clearly better")
    assert function.handler({**event, "retrain": True}, context)["automl_job_name"] == f"{name[:-1]}2"


def test_job_whose_output_is_incomplete_is_followed_by_the_next_attempt(
    event: dict[str, Any], context: Any, describe_as: Callable[..., None], complete_output: list[str]
) -> None:
    name = function.handler(event, context)["automl_job_name"]
    describe_as()
    function.s3.delete_object(Bucket="buyer-stage-pipeline", Key=complete_output[-1])
    assert function.handler(event, context)["automl_job_name"] == f"{name[:-1]}2"


@pytest.mark.parametrize(("day", "is_due"), [("2020-02-01T23:59:59Z", False), ("2020-02-02T00:00:00Z", True)])
def test_failed_job_is_repeated_on_the_next_calendar_day(
    event: dict[str, Any], context: Any, describe_as: Callable[..., None], day: str, is_due: bool
) -> None:
    name = function.handler(event, context)["automl_job_name"]
    describe_as(**FAILED)
    result = function.handler({**event, "execution_start_time": day}, context)
    assert result["automl_job_name"] == (f"{name[:-1]}2" if is_due else None)
    assert ("The next attempt is on 2020-02-02" in result["reason"]) is not is_due


def test_unreadable_output_is_an_error_and_not_a_missing_one(
    event: dict[str, Any], context: Any, describe_as: Callable[..., None]
) -> None:
    function.handler(event, context)
    describe_as()
    with Stubber(function.s3) as stub:
        stub.add_client_error("head_object", "403", "Forbidden", http_status_code=403)
        with pytest.raises(ClientError, match="Forbidden"):
            function.handler(event, context)


def test_quota_is_not_mistaken_for_a_started_job(event: dict[str, Any], context: Any) -> None:
    with Stubber(function.sagemaker) as stub:
        stub.add_client_error("describe_auto_ml_job_v2", "ResourceNotFound")
        stub.add_client_error("create_auto_ml_job_v2", "ResourceLimitExceeded", "quota", http_status_code=400)
        with pytest.raises(function.sagemaker.exceptions.ResourceLimitExceeded):
            function.handler(event, context)


def test_throttling_is_transient(event: dict[str, Any], context: Any) -> None:
    with Stubber(function.sagemaker) as stub:
        stub.add_client_error("describe_auto_ml_job_v2", "ThrottlingException", "slow down", http_status_code=400)
        with pytest.raises(TransientAwsError, match="slow down"):
            function.handler(event, context)
