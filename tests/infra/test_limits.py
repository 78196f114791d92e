"""What is deployed fits into the forms and limits that AWS documents and the local cloud does not check."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from tests.local_stack import Stack
from tools.roles import read_roles
from tools.state_machines import called_function

WIDGET_PROPERTIES = {
    "alarm": {"alarms", "sortBy", "states", "title"},
    "metric": {
        "accountId", "annotations", "legend", "liveData", "metrics", "period", "region", "sparkline", "stacked",
        "stat", "table", "timezone", "title", "view", "yAxis",
    },
}  # fmt: skip
REQUIRED_PROPERTIES = {"alarm": {"alarms"}, "metric": {"metrics", "region"}}
"""Type of a widget -> its properties:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html"""

LIMITS = {
    "policies of a role": (10_240, "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"),
    "trust policy": (2_048, "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"),
    "event pattern": (2_048, "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html"),
    "input template": (
        8_192,
        "https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_InputTransformer.html",
    ),
    "widgets": (
        500,
        "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html",
    ),
    "alarms of a widget": (
        100,
        "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html",
    ),
    "seconds of short periods": (
        86_400,
        "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html",
    ),
    "seconds of hourly periods": (
        604_800,
        "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html",
    ),
    "definition": (1_048_576, "https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html"),
}
"""What is counted -> the limit, and the AWS document that sets it. Policies count without whitespace."""

Measured = Iterator[tuple[str, str, int]]
"""What is counted, whose, and how many."""


def characters(document: Any) -> int:
    return len(json.dumps(document, separators=(",", ":")))


def policies() -> Measured:
    for role in read_roles("local"):
        yield "policies of a role", role.name, sum(map(characters, role.policies))
        yield "trust policy", role.name, characters(role.trust)


def rules() -> Measured:
    events = boto3.client("events")
    for rule in events.list_rules(NamePrefix="buyer-stage-")["Rules"]:
        yield "event pattern", rule["Name"], len(rule["EventPattern"])
        for target in events.list_targets_by_rule(Rule=rule["Name"])["Targets"]:
            yield "input template", rule["Name"], len(target["InputTransformer"]["InputTemplate"])


def alarms() -> Measured:
    pages = boto3.client("cloudwatch").get_paginator("describe_alarms").paginate(AlarmNamePrefix="buyer-stage-")
    for alarm in (alarm for page in pages for alarm in page["MetricAlarms"]):
        stats = [query["MetricStat"] for query in alarm.get("Metrics", []) if "MetricStat" in query]
        period = min(each["Period"] for each in [alarm, *stats] if "Period" in each)
        kind = "seconds of hourly periods" if period >= 3600 else "seconds of short periods"
        yield kind, alarm["AlarmName"], period * alarm["EvaluationPeriods"]


def widgets() -> list[dict[str, Any]]:
    body = boto3.client("cloudwatch").get_dashboard(DashboardName="buyer-stage-local")["DashboardBody"]
    return list(json.loads(body)["widgets"])


def dashboard() -> Measured:
    yield "widgets", "buyer-stage-local", len(widgets())
    for widget in widgets():
        if widget["type"] == "alarm":
            yield "alarms of a widget", widget["properties"]["title"], len(widget["properties"]["alarms"])


def definitions() -> Measured:
    states = boto3.client("stepfunctions")
    for machine in states.list_state_machines()["stateMachines"]:
        definition = states.describe_state_machine(stateMachineArn=machine["stateMachineArn"])["definition"]
        yield "definition", machine["name"], len(definition.encode())


def test_everything_deployed_is_within_the_limits_of_aws(stack: Stack) -> None:
    measured = [*policies(), *rules(), *alarms(), *dashboard(), *definitions()]

    assert {kind for kind, _, _ in measured} == LIMITS.keys()
    assert [(kind, name, count) for kind, name, count in measured if count > LIMITS[kind][0]] == []


def test_widgets_have_only_the_properties_of_their_type(stack: Stack) -> None:
    assert {widget["type"] for widget in widgets()} == WIDGET_PROPERTIES.keys()
    for widget in widgets():
        properties = widget["properties"].keys()
        assert REQUIRED_PROPERTIES[widget["type"]] <= properties <= WIDGET_PROPERTIES[widget["type"]], widget


@pytest.mark.parametrize("pipeline", ["etl", "ml"])
def test_a_state_waits_longer_than_its_function_can_run(stack: Stack, pipeline: str) -> None:
    """A state that ends first leaves the function running, and the retry runs next to it."""
    alias = {"etl": stack.deployment.etl_state_machine_arn, "ml": stack.deployment.ml_state_machine_arn}[pipeline]
    described = boto3.client("stepfunctions").describe_state_machine(stateMachineArn=alias.rpartition(":")[0])
    tasks = [state for state in json.loads(described["definition"])["States"].values() if called_function(state)]
    seconds = {
        state["Arguments"]["FunctionName"]: boto3.client("lambda").get_function_configuration(
            FunctionName=state["Arguments"]["FunctionName"]
        )["Timeout"]
        for state in tasks
    }

    assert tasks
    assert [task for task in tasks if task["TimeoutSeconds"] <= seconds[task["Arguments"]["FunctionName"]]] == []
