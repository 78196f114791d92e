"""The example that product teams copy can do what it needs, and nothing else.

`test_local_cloud.py` compares the events that it receives with the table, and destroys it.
"""

import boto3
import pytest
from botocore.exceptions import ClientError

from examples.consumer import client
from tests.consumer import using
from tests.local_stack import FirstRuns, Stack


def test_the_client_looks_a_member_up_with_the_reader_role(stack: Stack, first_runs: FirstRuns) -> None:
    url = stack.deployment.lookup_url
    member = min(first_runs.items_again)
    with using(first_runs.consumer.reader()):
        found, unknown = client.look_up(url, member), client.look_up(url, "nobody")
        with pytest.raises(RuntimeError, match="the lookup answered 400"):
            client.look_up(url, "\0")
    assert (found["value"], unknown) == (first_runs.items_again[member]["value"], None)


def test_the_reader_role_can_do_nothing_else(stack: Stack, first_runs: FirstRuns) -> None:
    reader, queue = first_runs.consumer.reader(), first_runs.consumer.outputs["queue_url"]
    with pytest.raises(ClientError, match="AccessDenied"):
        reader.client("sqs").send_message(QueueUrl=queue, MessageBody="{}")
    with pytest.raises(ClientError, match="AccessDenied"):
        reader.client("dynamodb").scan(TableName=stack.deployment.table_name)
    with pytest.raises(ClientError, match="AccessDenied"):
        reader.client("events").put_events(Entries=[{"Source": "buyer-stage", "DetailType": "d", "Detail": "{}"}])


def test_an_event_that_arrives_again_or_late_is_not_acted_on(stack: Stack, first_runs: FirstRuns) -> None:
    """The example's rule passes what the owner of the bus sends."""
    sequences = dict(first_runs.consumer.sequences)
    member = min(sequences)
    for sequence in (sequences[member], sequences[member] - 1):
        entry = {"Source": "buyer-stage", "DetailType": "Member Stage Changed", "EventBusName": "buyer-stage-local"}
        detail = f'{{"member_id": "{member}", "to": "Ready To Transact", "sequence": {sequence}}}'
        boto3.client("events").put_events(Entries=[{**entry, "Detail": detail}])
    acted: list[object] = []
    with using(first_runs.consumer.reader()):
        received = client.receive(first_runs.consumer.outputs["queue_url"], sequences, acted.append, wait=1)
    assert (received, acted, sequences) == (2, [], first_runs.consumer.sequences)
