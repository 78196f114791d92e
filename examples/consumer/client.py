"""Looks up a member's stage, and receives the members who have become Ready To Transact. Needs only boto3.

python client.py <URL of the lookup> <member id>
"""

import json
import sys
from collections.abc import Callable, MutableMapping
from typing import Any
from urllib.parse import quote

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.httpsession import URLLib3Session

Json = dict[str, Any]


def look_up(url: str, member_id: str) -> Json | None:
    """Return the stage of a member; None if no stage is served for the member. `url` ends with a slash."""
    session = boto3.Session()
    credentials = session.get_credentials()
    if credentials is None:
        raise RuntimeError("there are no AWS credentials; run with the reader role")
    request = AWSRequest("GET", f"{url}v1/members/{quote(member_id, safe='')}")
    SigV4Auth(credentials, "lambda", session.region_name).add_auth(request)
    response = URLLib3Session(timeout=5).send(request.prepare())
    if response.status_code not in (200, 404):
        raise RuntimeError(f"the lookup answered {response.status_code}: {response.text}")
    return json.loads(response.text) if response.status_code == 200 else None


def receive(queue_url: str, sequences: MutableMapping[str, int], act: Callable[[Json], None], wait: int = 20) -> int:
    """Act on up to 10 events of a queue, wait some seconds for the first one, and return how many there were.

    Events arrive more than once and in any order. `sequences` has the highest sequence of each member so far: keep it
    in a table of your own. If `act` raises, the event arrives again; after 5 attempts, the dead-letter queue keeps it.
    """
    sqs = boto3.client("sqs")
    received = sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=wait)
    for message in received.get("Messages", []):
        event = json.loads(message["Body"])["detail"]
        if event["sequence"] > sequences.get(event["member_id"], 0):
            act(event)
            sequences[event["member_id"]] = event["sequence"]
        sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
    return len(received.get("Messages", []))


if __name__ == "__main__":
    print(json.dumps(look_up(*sys.argv[1:]), indent=2))
