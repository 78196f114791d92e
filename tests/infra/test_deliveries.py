"""AWS services can deliver alerts and logs to the deployed encrypted resources, and the alerts are readable."""

import json
import re
import time
from collections.abc import Mapping
from typing import Any

import boto3
import botocore.session
import pytest

from tests.local_stack import POLL_SECONDS, Stack
from tools.deliveries import PERMISSIONS, Permission, allows
from tools.repository import REPOSITORY
from tools.roles import Policy, as_list, read_roles, statements
from tools.security_docs import read_resource_policies


@pytest.fixture(scope="module")
def resource_policies(stack: Stack) -> dict[str, Policy]:
    return read_resource_policies("local")


@pytest.mark.parametrize("permission", PERMISSIONS, ids=lambda of: f"{of.service.partition('.')[0]} {of.actions[0]}")
def test_services_can_deliver_to_encrypted_resources(
    resource_policies: dict[str, Policy], permission: Permission
) -> None:
    account, region = boto3.client("sts").get_caller_identity()["Account"], boto3.Session().region_name

    assert allows(resource_policies[permission.policy], permission, account, region)


def test_policies_allow_no_service_that_delivers_nothing(resource_policies: dict[str, Policy]) -> None:
    named = {
        (holder, service)
        for holder, policy in resource_policies.items()
        for statement in statements(policy)
        if isinstance(statement["Principal"], dict)
        for service in as_list(statement["Principal"].get("Service", []))
    }
    region = boto3.Session().region_name

    assert named == {(of.policy, of.service.replace("{region}", region)) for of in PERMISSIONS}


def test_schedules_keep_failed_starts_in_encrypted_queues_with_their_roles(stack: Stack) -> None:
    """EventBridge Scheduler uses the role of the schedule, not its service principal, for dead letters:
    https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html"""
    allowed = {
        role.name: {action for policy in role.policies for of in statements(policy) for action in of["Action"]}
        for role in read_roles("local")
        if "-schedule-" in role.name
    }

    assert set(allowed) == {f"buyer-stage-{name}-schedule-local" for name in ("etl", "freshness", "ml")}
    for actions in allowed.values():
        assert actions >= {"sqs:SendMessage", "kms:Decrypt", "kms:GenerateDataKey"}


FREE_OF_QUOTES = {
    "$.detail.jobName", "$.detail.jobRunId", "$.detail.state", "$.detail.clusterId", "$.detail.name",
}  # fmt: skip
"""Fields of events that hold a name or an ID, so that they can stand in a string of a template."""

RESERVED = "aws.events.event.json"
"""The whole event; EventBridge inserts it as JSON."""


def faults(template: str, paths: Mapping[str, str]) -> list[str]:
    """List why EventBridge would not fill a template, or would make invalid JSON of it.

    EventBridge fills `<name>` only where it is literal. Inside a string, it does not escape the value:
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
    """
    found = []
    strings = re.findall(r'"(?:\\.|[^"\\])*"', template)
    in_strings = {name for text in strings for name in re.findall(r"<([^<>]*)>", text)}
    named = set(re.findall(r"<([^<>]*)>", template))
    if named - {RESERVED} != paths.keys():
        found.append(f"the placeholders {sorted(named)} are not the input paths {sorted(paths)}")
    if not {paths.get(name, name) for name in in_strings} <= FREE_OF_QUOTES:
        found.append("a string contains a value that can hold a quote")
    try:
        json.loads(re.sub(r"(?<!\\)<[^<>]*>", lambda name: "x" if name[0][1:-1] in in_strings else "{}", template))
    except ValueError as error:
        found.append(f"the filled template is not JSON: {error}")
    return found


def test_eventbridge_can_fill_the_templates_of_alerts(stack: Stack) -> None:
    events = boto3.client("events")
    rules = events.list_rules(NamePrefix="buyer-stage-")["Rules"]
    transformers = [
        target["InputTransformer"]
        for rule in rules
        for target in events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
    ]

    assert len(transformers) == len(rules) == 2
    for transformer in transformers:
        assert faults(transformer["InputTemplate"], transformer["InputPathsMap"]) == []


@pytest.mark.parametrize(
    ("template", "fault"),
    [
        (r'"Glue run \u003crun\u003e failed"', "are not the input paths"),
        ('"Glue run <run> failed: <message>"', "can hold a quote"),
        ('{"run": "<run>", "event": "<aws.events.event.json>", "message": <message>}', "can hold a quote"),
        ('{"run": <run>, "message": <message>', "not JSON"),
    ],
)
def test_template_that_eventbridge_cannot_fill_is_noticed(template: str, fault: str) -> None:
    paths = {"run": "$.detail.jobRunId", "message": "$.detail.message"}

    assert any(fault in found for found in faults(template, paths))


def test_an_alert_follows_every_end_of_a_glue_run_but_success() -> None:
    model: Any = botocore.session.get_session().get_service_model("glue")
    text = (REPOSITORY / "terraform/modules/observability/main.tf").read_text()
    (states,) = re.findall(r"jobName = .*, state = (\[.*?\])", text)
    not_ended = {"STARTING", "RUNNING", "STOPPING", "WAITING"}

    assert set(json.loads(states)) == {*model.shape_for("JobRunState").enum} - not_ended - {"SUCCEEDED"}


def test_a_failed_glue_run_sends_an_alert_that_names_the_run_and_the_reason(stack: Stack) -> None:
    glue, job = boto3.client("glue"), "buyer-stage-push-to-dynamodb-local"
    run_id = glue.start_job_run(JobName=job, Arguments={"--ttl_days": 'no "number"'})["JobRunId"]
    while (run := glue.get_job_run(JobName=job, RunId=run_id)["JobRun"])["JobRunState"] == "RUNNING":
        time.sleep(POLL_SECONDS)
    assert '"number"' in run["ErrorMessage"]

    sent = [json.loads(each["Message"]) for each in stack.deployment.notifications() if run_id in each["Message"]]

    assert [alert["alert"] for alert in sent] == [f"Glue run {run_id} of {job} is FAILED. See docs/operations.md."]
    assert sent[0]["event"]["detail"]["message"] == run["ErrorMessage"]
