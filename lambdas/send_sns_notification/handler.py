"""Notifies the subscribers of what failed and where, with a link to the execution, before the execution fails."""

from dataclasses import dataclass

import boto3
from aws_lambda_powertools.metrics import MetricUnit
from pydantic import Field

from buyer_stage.domain.console_links import execution_link
from lambdas.common.environment import Environment
from lambdas.common.executions import CaughtFailure, EndingEvent, describe
from lambdas.common.wiring import lambda_handler, logger, metrics


class Variables(Environment):
    """Environment of the function."""

    topic_arn: str


class Event(EndingEvent):
    """Input of the state `SendSNSNotification`."""

    failure: CaughtFailure
    receipt: str = Field(description="Where the receipt of the execution is, or why there is none.")


@dataclass(frozen=True)
class Result:
    """The message that was published."""

    message_id: str


sns = boto3.client("sns")
variables = Variables.load()
MAXIMUM_SUBJECT_LENGTH = 99


@lambda_handler
def handler(event: Event) -> Result:
    """Publish one message that a person can act on."""
    *_, state_machine, execution = event.execution_id.split(":")
    logger.set_correlation_id(execution)
    state, (error, cause) = event.failure.state, describe(event.failure)
    message = "\n".join(
        [
            f"Execution {execution} of {state_machine} failed.",
            "",
            f"State:    {state}",
            f"Snapshot: {event.snapshot_date}",
            f"Error:    {error}",
            *cause_lines(cause),
            *([] if event.ttl_extension is None else ["", event.ttl_extension]),
            "",
            event.receipt,
            "",
            execution_link(event.execution_id),
        ]
    )
    subject = sns_subject(f"{state_machine}: {state} failed with {error}")
    metrics.add_metric("ExecutionsFailed", MetricUnit.Count, 1)
    response = sns.publish(TopicArn=variables.topic_arn, Subject=subject, Message=message)
    logger.info("notification published", message_id=response["MessageId"])
    return Result(response["MessageId"])


def sns_subject(text: str) -> str:
    """Turn a text into a subject that SNS accepts: one line of printable ASCII with less than 100 characters."""
    ascii_text = text.encode("ascii", "replace").decode()
    return "".join(c if c.isprintable() else " " for c in ascii_text)[:MAXIMUM_SUBJECT_LENGTH]


def cause_lines(cause: str) -> list[str]:
    """Return the lines of a cause. A cause of several lines stands on its own, so that its commands can be copied."""
    return ["", cause] if "\n" in cause else [f"Cause:    {cause}"]
