"""Says what failed and where, with a link to the execution, before the execution ends as failed."""

import json
from dataclasses import dataclass

import boto3
from aws_lambda_powertools.metrics import MetricUnit
from pydantic import Field

from lambdas.common.environment import Environment
from lambdas.common.events import ExecutionEvent
from lambdas.common.wiring import lambda_handler, metrics


class Variables(Environment):
    """Environment of the function."""

    topic_arn: str


class Event(ExecutionEvent):
    """Input of the state `SendSNSNotification`."""

    execution_id: str = Field(pattern=r"^arn:([^:]+:){5}", description="ARN of the execution.")
    state_machine_name: str
    failed_state: str
    error: str
    cause: str
    snapshot_date: str | None = Field(default=None, description="As text: it may be the very thing that is wrong.")


@dataclass(frozen=True)
class Result:
    """The message that was published."""

    message_id: str


sns = boto3.client("sns")
variables = Variables.load()
MAXIMUM_SUBJECT_LENGTH = 100


@lambda_handler
def handler(event: Event) -> Result:
    """Publish one message that a person can act on."""
    region = event.execution_id.split(":")[3]
    message = "\n".join(
        [
            f"Execution {event.execution_name} of {event.state_machine_name} failed.",
            "",
            f"State:    {event.failed_state}",
            f"Snapshot: {event.snapshot_date or 'not resolved yet'}",
            f"Error:    {event.error}",
            f"Cause:    {readable_cause(event.cause)}",
            "",
            f"https://{region}.console.aws.amazon.com/states/home?region={region}"
            f"#/v2/executions/details/{event.execution_id}",
        ]
    )
    subject = f"{event.state_machine_name}: {event.failed_state} failed with {event.error}"
    metrics.add_metric("ExecutionsFailed", MetricUnit.Count, 1)
    response = sns.publish(TopicArn=variables.topic_arn, Subject=sns_subject(subject), Message=message)
    return Result(response["MessageId"])


def sns_subject(text: str) -> str:
    """Make a text a subject that SNS accepts: printable ASCII in one line, up to 100 characters."""
    ascii_text = text.encode("ascii", "replace").decode()
    return "".join(c if c.isprintable() else " " for c in ascii_text)[:MAXIMUM_SUBJECT_LENGTH]


def readable_cause(cause: str) -> str:
    """Give the message out of a Lambda function's error, which comes as JSON with a stack trace; else all of it."""
    try:
        details = json.loads(cause)
    except json.JSONDecodeError:
        return cause
    return str(details["errorMessage"]) if isinstance(details, dict) and "errorMessage" in details else cause
