"""What the local cloud adds to MiniStack or corrects, as AWS clients observe it."""

import io
import json
import time
import uuid
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError

from localcloud import cloud as local_cloud
from localcloud.policies.calls import Call, read_calls
from tests.accounts import allow, document

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": ["lambda.amazonaws.com", "states.amazonaws.com", "sagemaker.amazonaws.com"]},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)
CONTAINER = {
    "Image": "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-sklearn-automl:local",
    "ModelDataUrl": "s3://models/model.tar.gz",
}
ACCOUNT_ROLE = "arn:aws:iam::000000000000:role"


@pytest.fixture(scope="module")
def work_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The work folder of the local cloud that the AWS clients of this module use."""
    folder = tmp_path_factory.mktemp("local_cloud")
    with local_cloud.running(folder):
        yield folder


def make_role(name: str, *actions: str) -> str:
    iam = boto3.client("iam")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    if actions:
        allowed = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        iam.put_role_policy(RoleName=name, PolicyName="calls", PolicyDocument=document)
    return str(role)


@pytest.mark.parametrize(("attempt", "is_refused"), [("attempt=2; max=5", False), ("attempt=1", True)])
@pytest.mark.usefixtures("work_folder")
def test_only_a_repeated_request_gets_the_lost_response_again(attempt: str, is_refused: bool) -> None:
    iam, sent = boto3.client("iam"), "attempt=1"

    def send_as_one_invocation(request: AWSRequest, **_: Any) -> None:
        request.headers["amz-sdk-invocation-id"] = f"one-{is_refused}"
        request.headers["amz-sdk-request"] = sent

    iam.meta.events.register("before-send.iam.CreateRole", send_as_one_invocation)
    request = {"RoleName": f"repeated-{is_refused}", "AssumeRolePolicyDocument": TRUST}
    first = iam.create_role(**request)["Role"]
    sent = attempt
    if is_refused:
        with pytest.raises(iam.exceptions.EntityAlreadyExistsException):
            iam.create_role(**request)
    else:
        assert iam.create_role(**request)["Role"] == first


def package(source: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("handler.py", source)
    return content.getvalue()


def make_function(name: str, role: str, source: str) -> str:
    """Create a function and return the ARN of its first version."""
    functions = boto3.client("lambda")
    functions.create_function(
        FunctionName=name, Role=role, Runtime="python3.11", Handler="handler.handler",
        Code={"ZipFile": package(source)}, Publish=True,
    )  # fmt: skip
    functions.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
    return str(functions.list_versions_by_function(FunctionName=name)["Versions"][-1]["FunctionArn"])


def definition(function_arn: str) -> str:
    task = {
        "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Arguments": {"FunctionName": function_arn},
        "Output": "{% $states.result.Payload %}", "End": True,
    }  # fmt: skip
    return json.dumps({"QueryLanguage": "JSONata", "StartAt": "Call", "States": {"Call": task}})


def execute(state_machine_arn: str) -> dict[str, Any]:
    states = boto3.client("stepfunctions")
    execution = states.start_execution(stateMachineArn=state_machine_arn)["executionArn"]
    while (described := states.describe_execution(executionArn=execution))["status"] == "RUNNING":
        time.sleep(0.1)
    return dict(described)


def test_an_execution_that_an_alias_starts_runs_the_version_of_the_alias(work_folder: Path) -> None:
    functions, states = boto3.client("lambda"), boto3.client("stepfunctions")
    role = make_role("versions", "lambda:InvokeFunction")
    first = make_function("versioned", role, "def handler(event, context): return 'first'")
    assert first.endswith(":function:versioned:1")
    functions.update_function_code(
        FunctionName="versioned", ZipFile=package("def handler(event, context): return 'second'"), Publish=True
    )
    machine = states.create_state_machine(name="m", roleArn=role, definition=definition(first), publish=True)
    alias = states.create_state_machine_alias(
        name="live",
        routingConfiguration=[{"stateMachineVersionArn": machine["stateMachineVersionArn"], "weight": 100}],
    )["stateMachineAliasArn"]
    states.update_state_machine(
        stateMachineArn=machine["stateMachineArn"], definition=definition(first.removesuffix("1") + "2"), publish=True
    )

    described = execute(alias)

    assert json.loads(described["output"]) == "first"
    assert described["stateMachineVersionArn"] == machine["stateMachineVersionArn"]
    assert [e["executionArn"] for e in states.list_executions(stateMachineArn=alias)["executions"]] == [
        described["executionArn"]
    ]
    assert json.loads(execute(machine["stateMachineArn"])["output"]) == "second"


def test_an_execution_whose_role_cannot_call_the_function_fails_and_the_call_is_listed(work_folder: Path) -> None:
    function = make_function("closed", make_role("closed-function"), "def handler(event, context): return 1")
    machine = boto3.client("stepfunctions").create_state_machine(
        name="closed", roleArn=make_role("closed-machine"), definition=definition(function)
    )

    described = execute(machine["stateMachineArn"])

    assert (described["status"], described["error"]) == ("FAILED", "Lambda.AWSLambdaException")
    assert "lambda:InvokeFunction" in described["cause"]
    assert Call("closed-machine", "lambda:InvokeFunction", function, {}, False) in read_calls(work_folder)


CATCH_ALL = [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]


def fail_in(state: dict[str, Any], **more: dict[str, Any]) -> dict[str, Any]:
    """Execute a machine that starts with a state, and describe its execution."""
    states = {"First": state, "Caught": {"Type": "Succeed"}, **more}
    machine = boto3.client("stepfunctions").create_state_machine(
        name=f"limited-{uuid.uuid4()}", roleArn=make_role(f"limited-{uuid.uuid4()}", "lambda:InvokeFunction"),
        definition=json.dumps({"QueryLanguage": "JSONata", "StartAt": "First", "States": states}),
    )  # fmt: skip
    return execute(machine["stateMachineArn"])


def task(size: str, **more: Any) -> dict[str, Any]:
    """A task whose function returns a text of a size."""
    arn = f"arn:aws:lambda:us-west-2:{ACCOUNT_ROLE.split(':')[4]}:function:sized"
    return {
        "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Catch": CATCH_ALL, "Next": "Caught",
        "Arguments": {"FunctionName": arn, "Payload": size}, **more,
    }  # fmt: skip


def pass_with(**more: Any) -> dict[str, Any]:
    return {"Type": "Pass", "Next": "Caught", **more}


@pytest.fixture(scope="module")
def sized_function(work_folder: Path) -> None:
    source = "def handler(event, context): return 'a' * event if isinstance(event, int) else len(event)"
    make_function("sized", make_role("sized"), source)


@pytest.mark.usefixtures("sized_function")
@pytest.mark.parametrize(
    ("state", "error"),
    [
        (task("{% 262000 %}", Output="{% 1 %}"), None),
        (task("{% 262144 %}", Output="{% 1 %}"), "States.DataLimitExceeded"),
        (task("{% $pad('', 262144, 'a') %}"), "States.DataLimitExceeded"),
        ({"Type": "Pass", "Output": "{% $pad('', 262143, 'a') %}", "Next": "Caught"}, "States.DataLimitExceeded"),
        ({"Type": "Pass", "Output": "{% $pad('', 100000, 'é') %}", "Next": "Caught"}, None),
        (
            {"Type": "Pass", "Assign": {"a": "{% $pad('', 262144, 'a') %}"}, "Next": "Caught"},
            "States.DataLimitExceeded",
        ),
    ],
    ids=[
        "result",
        "large result",
        "large arguments",
        "large output",
        "output of two-byte characters",
        "large variables",
    ],
)
def test_an_execution_whose_data_are_too_large_fails_and_no_catch_helps(
    state: dict[str, Any], error: str | None
) -> None:
    assert fail_in(state).get("error") == error


def test_an_execution_with_too_many_events_fails(work_folder: Path) -> None:
    described = fail_in({"Type": "Choice", "Choices": [{"Condition": "{% true %}", "Next": "First"}]})

    assert (described["error"], described["cause"]) == (
        "States.Runtime", "The execution reached the maximum number of history events (25000).",
    )  # fmt: skip
    history = boto3.client("stepfunctions").get_execution_history(
        executionArn=described["executionArn"], reverseOrder=True, maxResults=1
    )["events"]
    assert [(event["id"], event["type"]) for event in history] == [(25_000, "ExecutionFailed")]


def test_the_error_output_of_a_timeout_has_no_cause(work_folder: Path) -> None:
    role = make_role("timeout", "lambda:InvokeFunction")
    function = make_function("slow", role, "import time\ndef handler(event, context): time.sleep(3)")
    task = json.loads(definition(function))["States"]["Call"]
    catch = {"ErrorEquals": ["States.ALL"], "Output": "{% $states.errorOutput %}", "Next": "Caught"}
    states = {"Call": {**task, "TimeoutSeconds": 1, "Catch": [catch]}, "Caught": {"Type": "Succeed"}}
    machine = boto3.client("stepfunctions").create_state_machine(
        name="slow",
        roleArn=role,
        definition=json.dumps({"QueryLanguage": "JSONata", "StartAt": "Call", "States": states}),
    )

    assert json.loads(execute(machine["stateMachineArn"])["output"]) == {"Error": "States.Timeout"}


def test_a_function_can_do_only_what_its_role_allows(work_folder: Path) -> None:
    boto3.client("s3").create_bucket(
        Bucket="some-bucket", CreateBucketConfiguration={"LocationConstraint": "us-west-2"}
    )
    source = """
import boto3
def handler(event, context):
    s3 = boto3.client("s3")
    s3.list_objects_v2(Bucket="some-bucket")
    s3.put_object(Bucket="some-bucket", Key="key", Body=b"")
"""
    make_function("lister", make_role("lister", "s3:ListBucket"), source)

    response = boto3.client("lambda").invoke(FunctionName="lister")

    assert b"s3:PutObject" in response["Payload"].read()
    bucket = "arn:aws:s3:::some-bucket"
    calls = [(call.action, call.resource, call.is_allowed) for call in read_calls(work_folder) if call.role == "lister"]
    assert ("s3:ListBucket", bucket, True) in calls
    assert ("s3:PutObject", f"{bucket}/key", False) in calls


def test_a_cluster_with_an_unknown_security_configuration_is_refused(work_folder: Path) -> None:
    emr = boto3.client("emr")
    emr.create_security_configuration(Name="known", SecurityConfiguration="{}")
    assert emr.run_job_flow(Name="c", SecurityConfiguration="known", Instances={})["JobFlowId"]
    assert [kept["Name"] for kept in emr.list_security_configurations()["SecurityConfigurations"]] == ["known"]
    emr.delete_security_configuration(Name="known")
    with pytest.raises(ClientError, match="'known' does not exist"):
        emr.run_job_flow(Name="c", SecurityConfiguration="known", Instances={})


def test_versions_of_a_model_package_are_numbered_and_never_reused(work_folder: Path) -> None:
    sagemaker = boto3.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName="numbered")
    specification = {"Containers": [CONTAINER], "SupportedContentTypes": ["text/csv"]}
    first, second = (
        sagemaker.create_model_package(ModelPackageGroupName="numbered", InferenceSpecification=specification)[
            "ModelPackageArn"
        ]
        for _ in range(2)
    )
    sagemaker.delete_model_package(ModelPackageName=second)
    third = sagemaker.create_model_package(
        ModelPackageGroupName="numbered", InferenceSpecification=specification, ModelApprovalStatus="Approved"
    )["ModelPackageArn"]

    listed = sagemaker.list_model_packages(ModelPackageGroupName="numbered")["ModelPackageSummaryList"]
    approved = sagemaker.list_model_packages(ModelPackageGroupName="numbered", ModelApprovalStatus="Approved")

    assert [item["ModelPackageArn"] for item in listed] == [third, first]
    assert third.endswith("/numbered/3")
    assert [item["ModelPackageArn"] for item in approved["ModelPackageSummaryList"]] == [third]
    with pytest.raises(ClientError, match="ConflictException"):
        sagemaker.delete_model_package_group(ModelPackageGroupName="numbered")


def test_a_repeated_request_with_one_client_token_creates_one_model_package(work_folder: Path) -> None:
    sagemaker = boto3.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName="once")
    request = {
        "ModelPackageGroupName": "once",
        "InferenceSpecification": {"Containers": [CONTAINER], "SupportedContentTypes": ["text/csv"]},
    }
    arns = {sagemaker.create_model_package(**request, ClientToken="t" * 36)["ModelPackageArn"] for _ in range(2)}
    listed = sagemaker.list_model_packages(ModelPackageGroupName="once")["ModelPackageSummaryList"]
    assert arns == {item["ModelPackageArn"] for item in listed}


def test_a_model_package_in_a_group_cannot_have_tags_of_its_own(work_folder: Path) -> None:
    sagemaker = boto3.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName="tagged")
    with pytest.raises(ClientError, match="uses the tags of the group"):
        sagemaker.create_model_package(ModelPackageGroupName="tagged", Tags=[{"Key": "product", "Value": "stage"}])


def test_packages_are_listed_by_the_time_of_their_creation(work_folder: Path) -> None:
    sagemaker = boto3.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName="timed")
    arn = sagemaker.create_model_package(ModelPackageGroupName="timed")["ModelPackageArn"]
    created = sagemaker.describe_model_package(ModelPackageName=arn)["CreationTime"]
    counts = [
        len(
            sagemaker.list_model_packages(ModelPackageGroupName="timed", CreationTimeAfter=when)[
                "ModelPackageSummaryList"
            ]
        )
        for when in (created - timedelta(seconds=1), created + timedelta(seconds=1))
    ]
    assert counts == [1, 0]


def test_a_name_that_sagemaker_does_not_allow_is_refused(work_folder: Path) -> None:
    model = {"ExecutionRoleArn": f"{ACCOUNT_ROLE}/any", "PrimaryContainer": CONTAINER}
    with pytest.raises(ClientError, match=r"'ModelName' failed to satisfy .* must have length less than"):
        boto3.client("sagemaker").create_model(ModelName="m" * 64, **model)


def test_a_model_needs_an_approved_package(work_folder: Path) -> None:
    sagemaker = boto3.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName="approved")
    arn = sagemaker.create_model_package(
        ModelPackageGroupName="approved",
        InferenceSpecification={"Containers": [CONTAINER], "SupportedContentTypes": ["text/csv"]},
        CustomerMetadataProperties={"f1": "0.30"},
    )["ModelPackageArn"]
    model = {
        "ModelName": "packaged",
        "ExecutionRoleArn": f"{ACCOUNT_ROLE}/any",
        "PrimaryContainer": {"ModelPackageName": arn},
    }
    with pytest.raises(ClientError, match="PendingManualApproval"):
        sagemaker.create_model(**model)
    sagemaker.update_model_package(
        ModelPackageArn=arn, ModelApprovalStatus="Approved", CustomerMetadataProperties={"approver": "Ada"}
    )
    sagemaker.create_model(**model)

    assert [item["ModelName"] for item in sagemaker.list_models(NameContains="packaged")["Models"]] == ["packaged"]
    described = sagemaker.describe_model_package(ModelPackageName=arn)
    assert described["CustomerMetadataProperties"] == {"f1": "0.30", "approver": "Ada"}


def test_a_model_needs_a_role_that_its_creator_can_pass(work_folder: Path) -> None:
    source = f"""
import boto3
def handler(event, context):
    boto3.client("sagemaker").create_model(
        ModelName="passed", ExecutionRoleArn="{ACCOUNT_ROLE}/any", PrimaryContainer={CONTAINER!r}
    )
"""
    make_function("maker", make_role("maker", "sagemaker:CreateModel"), source)

    response = boto3.client("lambda").invoke(FunctionName="maker")

    assert b"iam:PassRole" in response["Payload"].read()
    context = {"iam:PassedToService": "sagemaker.amazonaws.com"}
    assert Call("maker", "iam:PassRole", f"{ACCOUNT_ROLE}/any", context, False) in read_calls(work_folder)


@pytest.mark.usefixtures("work_folder")
def test_a_running_job_is_listed_and_ends_stopped_after_a_stop() -> None:
    s3, sagemaker, name = boto3.client("s3"), boto3.client("sagemaker"), "buy-dev-transform-1"
    s3.create_bucket(Bucket="stopped", CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})
    for key in ("in/part-0.csv", "model.tar.gz"):
        s3.put_object(Bucket="stopped", Key=key, Body=b"1\n")
    container = {
        **CONTAINER,
        "ModelDataUrl": "s3://stopped/model.tar.gz",
        "Environment": {"SAGEMAKER_INFERENCE_OUTPUT": "predicted_label"},
    }
    role = make_role("transformer", "cloudwatch:*", "ecr:*", "logs:*", "s3:*")
    sagemaker.create_model(ModelName="stopped", ExecutionRoleArn=role, PrimaryContainer=container)
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://stopped/in/"}}
    sagemaker.create_transform_job(
        TransformJobName=name, ModelName="stopped", BatchStrategy="MultiRecord", MaxPayloadInMB=1,
        TransformInput={"DataSource": source, "ContentType": "text/csv", "SplitType": "Line"},
        TransformOutput={"S3OutputPath": "s3://stopped/out/", "Accept": "text/csv", "AssembleWith": "Line"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
        DataProcessing={"InputFilter": "$", "JoinSource": "Input", "OutputFilter": "$"},
    )  # fmt: skip

    def listed(status: str) -> list[str]:
        found = sagemaker.list_transform_jobs(NameContains="buy-dev-", StatusEquals=status)
        return [job["TransformJobName"] for job in found["TransformJobSummaries"]]

    assert listed("InProgress") == [name]
    sagemaker.stop_transform_job(TransformJobName=name)
    with pytest.raises(ClientError, match="not InProgress"):
        sagemaker.stop_transform_job(TransformJobName=name)
    while listed("Stopping"):
        time.sleep(0.1)
    assert listed("Stopped") == [name]
    assert sagemaker.list_auto_ml_jobs()["AutoMLJobSummaries"] == []


@pytest.mark.parametrize(
    ("allowed", "denied"),
    [
        (["sagemaker:CreateModelPackage"], "ecr:BatchGetImage"),
        (["sagemaker:CreateModelPackage", "ecr:BatchGetImage", "ecr:DescribeImages"], "s3:GetObject"),
    ],
)
def test_registering_a_model_needs_the_right_to_read_its_image_and_its_data(
    work_folder: Path, allowed: list[str], denied: str
) -> None:
    name = f"registrar-{len(allowed)}"
    source = f"""
import boto3
def handler(event, context):
    boto3.client("sagemaker").create_model_package(
        ModelPackageGroupName="any",
        InferenceSpecification={{"Containers": [{CONTAINER!r}], "SupportedContentTypes": ["text/csv"]}},
    )
"""
    make_function(name, make_role(name, *allowed), source)

    response = boto3.client("lambda").invoke(FunctionName=name)

    assert f"is not authorized to perform: {denied}".encode() in response["Payload"].read()
    assert [call.action for call in read_calls(work_folder) if call.role == name and not call.is_allowed][-1] == denied


def test_tags_on_creation_need_the_right_to_tag(work_folder: Path) -> None:
    source = f"""
import boto3
def handler(event, context):
    boto3.client("sagemaker").create_model(
        ModelName="tagged", ExecutionRoleArn="{ACCOUNT_ROLE}/any", PrimaryContainer={CONTAINER!r},
        Tags=[{{"Key": "product", "Value": "any"}}],
    )
"""
    make_function("tagger", make_role("tagger", "sagemaker:CreateModel", "iam:PassRole"), source)

    response = boto3.client("lambda").invoke(FunctionName="tagger")

    assert b"is not authorized to perform: sagemaker:AddTags" in response["Payload"].read()
    model = "arn:aws:sagemaker:us-west-2:000000000000:model/tagged"
    context = {
        "aws:requesttag/product": "any",
        "aws:TagKeys": ["product"],
        "sagemaker:TaggingAction": "CreateModel",
    }
    assert Call("tagger", "sagemaker:AddTags", model, context, False) in read_calls(work_folder)


TRANSFORM = {
    "TransformJobName": "scores",
    "ModelName": "transforming",
    "BatchStrategy": "MultiRecord",
    "TransformInput": {
        "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://models/in/"}},
        "ContentType": "text/csv",
        "SplitType": "Line",
    },
    "TransformOutput": {"S3OutputPath": "s3://models/out/", "Accept": "text/csv", "AssembleWith": "Line"},
    "TransformResources": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1},
    "DataProcessing": {"InputFilter": "$", "JoinSource": "Input", "OutputFilter": "$"},
}


@pytest.fixture(scope="module")
def model(work_folder: Path) -> str:
    """The name of a model that a transform can use."""
    name = TRANSFORM["ModelName"]
    container = {**CONTAINER, "Environment": {"SAGEMAKER_INFERENCE_OUTPUT": "labels"}}
    role = make_role("scorer")
    boto3.client("sagemaker").create_model(
        ModelName=name, ExecutionRoleArn=role, Containers=[container], Tags=[{"Key": "product", "Value": "buyer-stage"}]
    )
    return str(name)


@pytest.mark.parametrize("limits", [{"MaxPayloadInMB": 101}, {"MaxPayloadInMB": 100, "MaxConcurrentTransforms": 2}])
@pytest.mark.usefixtures("model")
def test_a_payload_that_instances_cannot_hold_is_refused(limits: dict[str, int]) -> None:
    sagemaker = boto3.client("sagemaker")
    with pytest.raises(ClientError, match=r"ValidationException.*cannot exceed 100 MB"):
        sagemaker.create_transform_job(**TRANSFORM, **limits)
    with pytest.raises(ClientError, match=r"ValidationException.*Could not find requested job with name: scores"):
        sagemaker.describe_transform_job(TransformJobName="scores")


@pytest.mark.usefixtures("model")
def test_jobs_and_models_keep_the_tags_that_they_are_created_with() -> None:
    sagemaker = boto3.client("sagemaker")
    tags = [{"Key": "input_files", "Value": "2"}]
    arns = {
        "job": sagemaker.create_transform_job(**{**TRANSFORM, "TransformJobName": "tagged"}, Tags=tags)[
            "TransformJobArn"
        ],
        "model": sagemaker.describe_model(ModelName=TRANSFORM["ModelName"])["ModelArn"],
    }
    kept = {kind: sagemaker.list_tags(ResourceArn=arn)["Tags"] for kind, arn in arns.items()}
    assert kept == {"job": tags, "model": [{"Key": "product", "Value": "buyer-stage"}]}
    with pytest.raises(sagemaker.exceptions.ResourceInUse):
        sagemaker.create_transform_job(**{**TRANSFORM, "TransformJobName": "tagged"})


@pytest.fixture(scope="module")
def sleeping_job(work_folder: Path) -> str:
    """A Glue job that sleeps, has a time limit of a minute, and is retried."""
    s3, glue = boto3.client("s3"), boto3.client("glue")
    s3.create_bucket(Bucket="scripts", CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})
    s3.put_object(Bucket="scripts", Key="sleep.py", Body=b"import time\ntime.sleep(600)\n")
    role = make_role("sleeper", "cloudwatch:*", "logs:*", "s3:*")
    glue.create_job(
        Name="sleeps", Role=role, GlueVersion="5.0", Timeout=1, MaxRetries=2,
        Command={"Name": "glueetl", "ScriptLocation": "s3://scripts/sleep.py"},
    )  # fmt: skip
    return "sleeps"


def wait_for_state(job: str, run_id: str, *states: str) -> str:
    glue = boto3.client("glue")
    while (state := glue.get_job_run(JobName=job, RunId=run_id)["JobRun"]["JobRunState"]) not in states:
        time.sleep(0.1)
    return str(state)


def test_one_run_at_a_time_is_accepted_and_a_stopped_run_is_not_retried(sleeping_job: str, work_folder: Path) -> None:
    glue = boto3.client("glue")
    run_id = glue.start_job_run(JobName=sleeping_job)["JobRunId"]
    with pytest.raises(glue.exceptions.ConcurrentRunsExceededException):
        glue.start_job_run(JobName=sleeping_job)
    while not (work_folder / f"logs/{run_id}.log").exists():  # Its process can be stopped from now on.
        time.sleep(0.1)
    stopped = glue.batch_stop_job_run(JobName=sleeping_job, JobRunIds=[run_id, "jr_unknown"])
    assert [each["JobRunId"] for each in stopped["SuccessfulSubmissions"]] == [run_id]
    assert [each["JobRunId"] for each in stopped["Errors"]] == ["jr_unknown"]
    assert wait_for_state(sleeping_job, run_id, "STOPPED", "FAILED", "SUCCEEDED") == "STOPPED"
    assert len(glue.get_job_runs(JobName=sleeping_job)["JobRuns"]) == 1


@pytest.mark.matrix
def test_a_run_that_reaches_its_time_limit_is_not_retried(sleeping_job: str) -> None:
    glue = boto3.client("glue")
    before = len(glue.get_job_runs(JobName=sleeping_job)["JobRuns"])
    run_id = glue.start_job_run(JobName=sleeping_job)["JobRunId"]
    assert wait_for_state(sleeping_job, run_id, "TIMEOUT", "FAILED", "SUCCEEDED") == "TIMEOUT"
    assert len(glue.get_job_runs(JobName=sleeping_job)["JobRuns"]) == before + 1


def test_a_trail_keeps_the_tags_that_it_is_created_with(work_folder: Path) -> None:
    client, tags = boto3.client("cloudtrail"), [{"Key": "product", "Value": "buyer-stage"}]
    arn = client.create_trail(Name="tagged", S3BucketName="records", TagsList=tags)["TrailARN"]

    assert client.list_tags(ResourceIdList=[arn])["ResourceTagList"] == [{"ResourceId": arn, "TagsList": tags}]


def test_a_saved_query_is_listed_by_prefix_and_replaced_by_id(work_folder: Path) -> None:
    logs = boto3.client("logs")
    query_id = logs.put_query_definition(name="follow/one", queryString="fields @message")["queryDefinitionId"]
    logs.put_query_definition(name="follow/one", queryString="fields @timestamp", queryDefinitionId=query_id)

    (found,) = logs.describe_query_definitions(queryDefinitionNamePrefix="follow/")["queryDefinitions"]

    assert (found["queryDefinitionId"], found["queryString"]) == (query_id, "fields @timestamp")
    assert logs.delete_query_definition(queryDefinitionId=query_id)["success"]
    assert logs.describe_query_definitions()["queryDefinitions"] == []


def test_an_alarm_from_the_query_protocol_keeps_all_its_fields(work_folder: Path) -> None:
    parameters = {
        "Action": "PutMetricAlarm", "Version": "2010-08-01", "AlarmName": "late & failed", "EvaluationPeriods": "2",
        "ComparisonOperator": "GreaterThanThreshold", "Threshold": "1.5", "ActionsEnabled": "false",
        "AlarmActions.member.1": "arn:aws:sns:us-west-2:000000000000:alerts",
        "Metrics.member.1.Id": "e", "Metrics.member.1.Expression": "a * 2", "Metrics.member.1.ReturnData": "true",
        "Metrics.member.2.Id": "a", "Metrics.member.2.ReturnData": "false",
        "Metrics.member.2.MetricStat.Stat": "Sum", "Metrics.member.2.MetricStat.Period": "300",
        "Metrics.member.2.MetricStat.Metric.Namespace": "BuyerStage",
        "Metrics.member.2.MetricStat.Metric.MetricName": "ScoredLinesWritten",
    }  # fmt: skip
    query(parameters)

    (alarm,) = boto3.client("cloudwatch").describe_alarms(AlarmNames=["late & failed"])["MetricAlarms"]
    written = query({"Action": "DescribeAlarms", "Version": "2010-08-01", "AlarmNames.member.1": "late & failed"})

    assert (alarm["Threshold"], alarm["ActionsEnabled"], alarm["EvaluationPeriods"]) == (1.5, False, 2)
    assert alarm["Metrics"][1]["MetricStat"]["Period"] == 300
    assert "Statistic" not in alarm
    assert "<AlarmName>late &amp; failed</AlarmName>" in written
    assert "<Expression>a * 2</Expression>" in written


def encrypted_topic(name: str, service: str, conditions: dict[str, Any]) -> tuple[str, str]:
    """Create an encrypted topic to which a service can publish, and return its ARN and the URL of a subscribed queue.

    Args:
        name: of the topic and the queue.
        service: principal of the service.
        conditions: conditions of its statements in the two policies, by `key` and `alerts`; no statement when missing.
    """
    sns, sqs = boto3.client("sns"), boto3.client("sqs")

    def policy(holder: str, *actions: str, **more: Any) -> str:
        condition = conditions.get(holder)
        statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": actions, "Resource": "*"}
        statements = [] if condition is None else [{**statement, "Condition": condition}]
        return json.dumps({"Version": "2012-10-17", "Statement": [*statements, *more.values()]})

    owner = {"Effect": "Allow", "Principal": {"AWS": f"{ACCOUNT_ROLE.removesuffix('role')}root"}, "Action": "kms:*"}
    key_policy = policy("key", "kms:Decrypt", "kms:GenerateDataKey", owner={**owner, "Resource": "*"})
    key = boto3.client("kms").create_key(Policy=key_policy)["KeyMetadata"]["Arn"]
    attributes = {"KmsMasterKeyId": key, "Policy": policy("alerts", "sns:Publish")}
    topic = sns.create_topic(Name=name, Attributes=attributes)["TopicArn"]
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    queue_arn = topic.replace(":sns:", ":sqs:")
    sender = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
    queue_policy = {"Version": "2012-10-17", "Statement": [{**sender, "Resource": queue_arn}]}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(queue_policy)})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn)
    return topic, queue


@pytest.mark.parametrize(("subject", "is_refused"), [("a" * 99, False), ("a" * 100, True), ("two\nlines", True)])
def test_a_subject_that_sns_does_not_accept_is_refused(work_folder: Path, subject: str, is_refused: bool) -> None:
    sns = boto3.client("sns")
    topic = sns.create_topic(Name="subjects")["TopicArn"]
    if is_refused:
        with pytest.raises(sns.exceptions.InvalidParameterException, match="Subject"):
            sns.publish(TopicArn=topic, Subject=subject, Message="text")
    else:
        sns.publish(TopicArn=topic, Subject=subject, Message="text")


def messages(queue_url: str) -> list[str]:
    received = boto3.client("sqs").receive_message(QueueUrl=queue_url).get("Messages", [])
    return [json.loads(message["Body"])["Message"] for message in received]


OF_THIS_ACCOUNT = {"StringEquals": {"aws:SourceAccount": "000000000000"}}


@pytest.mark.parametrize(
    ("name", "conditions", "is_delivered"),
    [
        ("unconditional", {"alerts": {}, "key": {}}, True),
        ("conditional-key", {"alerts": {}, "key": OF_THIS_ACCOUNT}, False),
        ("conditional-topic", {"alerts": OF_THIS_ACCOUNT, "key": {}}, False),
        ("closed-key", {"alerts": {}}, False),
    ],
)
def test_an_event_reaches_an_encrypted_topic_only_by_policies_without_conditions(
    work_folder: Path, name: str, conditions: dict[str, Any], is_delivered: bool
) -> None:
    topic, queue = encrypted_topic(f"event-{name}", "events.amazonaws.com", conditions)
    events = boto3.client("events")
    events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))
    events.put_targets(Rule=name, Targets=[{"Id": "topic", "Arn": topic, "InputPath": "$.detail.state"}])

    events.put_events(Entries=[{"Source": name, "DetailType": "run", "Detail": json.dumps({"state": "FAILED"})}])

    assert messages(queue) == (['"FAILED"'] if is_delivered else [])


def queue_for_events(name: str, source: str | None) -> tuple[str, str]:
    """Create a queue to which a rule can send, or none can, and return its URL and ARN."""
    sqs = boto3.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = f"arn:aws:sqs:{local_cloud.REGION}:000000000000:{name}"
    if source is not None:
        statement = {
            "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage",
            "Resource": arn, "Condition": {"ArnEquals": {"aws:SourceArn": source}, **OF_THIS_ACCOUNT},
        }  # fmt: skip
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    return url, arn


def details(queue_url: str) -> list[Any]:
    received = boto3.client("sqs").receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10).get("Messages", [])
    return [json.loads(message["Body"])["detail"] for message in received]


@pytest.mark.parametrize("allowed", ["rule", "another-rule", None])
def test_an_event_reaches_a_queue_only_if_its_policy_names_the_rule_and_its_dead_letter_queue_otherwise(
    work_folder: Path, allowed: str | None
) -> None:
    events, bus = boto3.client("events"), f"bus-{allowed}"
    arn = events.create_event_bus(Name=bus)["EventBusArn"]
    rule = f"{arn.replace(':event-bus/', ':rule/')}/rule"
    url, queue = queue_for_events(f"queue-{allowed}", allowed and rule.replace("/rule", f"/{allowed}"))
    dead_url, dead = queue_for_events(f"dead-{allowed}", rule)
    pattern = {"detail": {"to": ["Ready To Transact", None]}}
    assert events.put_rule(Name="rule", EventBusName=arn, EventPattern=json.dumps(pattern))["RuleArn"] == rule
    target = {"Id": "queue", "Arn": queue, "DeadLetterConfig": {"Arn": dead}}
    events.put_targets(Rule="rule", EventBusName=arn, Targets=[target])

    sent = [{"to": "Ready To Transact"}, {"to": "Dreamer"}, {"to": None}, {}]
    entries = [{"Source": "s", "DetailType": "d", "EventBusName": bus, "Detail": json.dumps(each)} for each in sent]
    events.put_events(Entries=entries)

    delivered = [{"to": "Ready To Transact"}, {"to": None}]
    assert (details(url), details(dead_url)) == ((delivered, []) if allowed == "rule" else ([], delivered))


@pytest.mark.parametrize(
    ("service", "actions", "is_forwarded"),
    [
        ("events.amazonaws.com", ["events:PutEvents"], True),
        ("events.amazonaws.com", ["events:PutRule"], False),
        ("lambda.amazonaws.com", ["events:PutEvents"], False),
    ],
)
def test_an_event_reaches_another_bus_only_by_a_role_that_can_send_it(
    work_folder: Path, service: str, actions: list[str], is_forwarded: bool
) -> None:
    events, iam = boto3.client("events"), boto3.client("iam")
    name = f"{service.partition('.')[0]}-{actions[0].partition(':')[2]}"
    trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="calls", PolicyDocument=document(allow(actions)))
    from_bus, to_bus = (events.create_event_bus(Name=f"{end}-{name}")["EventBusArn"] for end in ("from", "to"))
    url, queue = queue_for_events(f"forwarded-{name}", f"{to_bus.replace(':event-bus/', ':rule/')}/rule")
    for bus, target in ((from_bus, {"Arn": to_bus, "RoleArn": role}), (to_bus, {"Arn": queue})):
        events.put_rule(Name="rule", EventBusName=bus, EventPattern=json.dumps({"source": ["s"]}))
        events.put_targets(Rule="rule", EventBusName=bus, Targets=[{"Id": "target", **target}])

    events.put_events(Entries=[{"Source": "s", "DetailType": "d", "EventBusName": from_bus, "Detail": '{"a": 1}'}])

    assert details(url) == ([{"a": 1}] if is_forwarded else [])


@pytest.mark.parametrize(
    ("name", "conditions", "is_delivered"),
    [
        ("of-this-account", {"alerts": OF_THIS_ACCOUNT, "key": OF_THIS_ACCOUNT}, True),
        ("closed-key", {"alerts": OF_THIS_ACCOUNT}, False),
    ],
)
def test_an_alarm_reaches_an_encrypted_topic_only_if_the_key_allows_it(
    work_folder: Path, name: str, conditions: dict[str, Any], is_delivered: bool
) -> None:
    topic, queue = encrypted_topic(f"alarm-{name}", "cloudwatch.amazonaws.com", conditions)
    cloudwatch = boto3.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName=name, Namespace="AWS/States", MetricName="ExecutionsFailed", Statistic="Sum", Period=60, Threshold=0,
        EvaluationPeriods=1, ComparisonOperator="GreaterThanThreshold", AlarmActions=[topic],
    )  # fmt: skip

    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="a test")

    assert len(messages(queue)) == is_delivered


def query(parameters: dict[str, str]) -> str:
    """Call CloudWatch with the query protocol, as Terraform does, and return the text of the response."""
    session = boto3.Session()
    request = AWSRequest(
        "POST",
        boto3.client("cloudwatch").meta.endpoint_url,
        data=urlencode(parameters),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    SigV4Auth(session.get_credentials(), "monitoring", "us-west-2").add_auth(request)
    prepared = request.prepare()
    with urlopen(Request(prepared.url, prepared.body.encode(), dict(prepared.headers))) as response:
        return str(response.read().decode())
