"""What the local cloud adds to MiniStack or corrects, as AWS clients observe it."""

import io
import json
import time
import uuid
import zipfile
from collections.abc import Iterator
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
CONTAINER = {"Image": "autopilot-inference-container", "ModelDataUrl": "s3://models/model.tar.gz"}
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
