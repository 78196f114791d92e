"""A product team in the demo: it receives the members who become Ready To Transact, and looks one of them up."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import boto3
from jsonschema import ValidationError
from rich.console import Console

from buyer_stage.domain.serving_documents import PushReceipt
from buyer_stage.domain.stages import Stage
from examples.consumer.client import look_up, receive
from tools.contracts.validation import validate_answer, validate_event

NAME = "demo-ready-to-transact"
BUS = "buyer-stage-local"
CHANGED = "Member Stage Changed"
PATTERN = {"source": ["buyer-stage"], "detail-type": [CHANGED], "detail": {"to": [Stage.READY_TO_TRANSACT.value]}}


@dataclass
class ProductTeam:
    """What the team got.

    Attributes:
        events: events that its queue received.
        expected: members who became Ready To Transact, according to the receipts of the pushes.
        answer: what the lookup answered about one of them; None without an event.
        problems: what differs from the receipts or the contracts.
    """

    events: int
    expected: int
    answer: dict[str, Any] | None = None
    problems: list[str] = field(default_factory=list)


def subscribe() -> str:
    """Create the queue of `examples/consumer` and its rule, in the account of the bus, and return the queue's URL."""
    events, sqs = boto3.client("events"), boto3.client("sqs")
    url = sqs.create_queue(QueueName=NAME)["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    rule = events.put_rule(Name=NAME, EventBusName=BUS, EventPattern=json.dumps(PATTERN))["RuleArn"]
    sender = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage"}
    statement = {**sender, "Resource": queue, "Condition": {"ArnEquals": {"aws:SourceArn": rule}}}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    events.put_targets(Rule=NAME, EventBusName=BUS, Targets=[{"Id": "queue", "Arn": queue}])
    return url


def visit(queue_url: str, lookup_url: str, pushes: Sequence[PushReceipt]) -> ProductTeam:
    """Receive all events, look up the member of the last one, and compare both with the contracts and the receipts.

    Args:
        queue_url: from `subscribe`.
        lookup_url: URL of the lookup, with a slash at its end.
        pushes: receipts of all pushes since then.
    """
    received: list[dict[str, Any]] = []
    while receive(queue_url, {}, received.append, wait=0):
        pass
    team = ProductTeam(len(received), sum(map(_became_ready, pushes)))
    if team.events != team.expected:
        team.problems.append(f"change events received: {team.events:,} instead of {team.expected:,}")
    try:
        for event in received:
            validate_event(CHANGED, event)
        if received:
            team.answer = look_up(lookup_url, received[-1]["member_id"])
            validate_answer("v1/members/", 200 if team.answer else 404, team.answer or {})
    except ValidationError as error:
        team.problems.append(f"an event or answer breaks its contract at {error.json_path} ({error.validator})")
    return team


def _became_ready(push: PushReceipt) -> int:
    """Return how many members became Ready To Transact by a push, also those who had no stage before."""
    return (
        push.stages[Stage.READY_TO_TRANSACT]
        - push.changes.transitions[Stage.READY_TO_TRANSACT][Stage.READY_TO_TRANSACT]
    )


def print_team(team: ProductTeam, console: Console) -> None:
    """Print what the team got."""
    console.print(f"[bold]Members who became {Stage.READY_TO_TRANSACT}, in a product team's queue[/bold]", team.events)
    console.print("[bold]A signed lookup of one of them[/bold]", json.dumps(team.answer, indent=2), highlight=False)
