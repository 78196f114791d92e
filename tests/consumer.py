"""The example that product teams copy, deployed on a local cloud."""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest

from examples.consumer import client
from tests.terraform_copy import initialized_copy, terraform
from tools.contracts.validation import validate_event
from tools.environment import LOCAL
from tools.repository import REPOSITORY

EXAMPLE = REPOSITORY / "examples/consumer"
NAME = "team-ready-to-transact"


@contextlib.contextmanager
def using(session: boto3.Session) -> Iterator[None]:
    """Make the AWS clients of this block use the credentials of a session."""
    credentials = session.get_credentials()
    assert credentials is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", credentials.access_key)
        patch.setenv("AWS_SECRET_ACCESS_KEY", credentials.secret_key)
        patch.setenv("AWS_SESSION_TOKEN", credentials.token or "")
        patch.setattr(boto3, "DEFAULT_SESSION", None)
        yield


@dataclass(frozen=True)
class Consumer:
    """The deployed example. Its AWS calls need the local cloud of the present process's environment.

    Attributes:
        folder: its Terraform configuration and state.
        outputs: its outputs.
        sequences: highest sequence of each member that it has received an event about.
    """

    folder: Path
    outputs: dict[str, str]
    sequences: dict[str, int] = field(default_factory=dict)

    def reader(self) -> boto3.Session:
        """Return a session of the reader role."""
        taken = boto3.client("sts").assume_role(RoleArn=self.outputs["reader_role_arn"], RoleSessionName="test")
        return boto3.Session(
            *(taken["Credentials"][name] for name in ("AccessKeyId", "SecretAccessKey", "SessionToken"))
        )

    def receive(self) -> list[dict[str, Any]]:
        """Receive all events with the example's client and role, and return those that are new, after validation."""
        received: list[dict[str, Any]] = []
        with using(self.reader()):
            while client.receive(self.outputs["queue_url"], self.sequences, received.append, wait=0):
                pass
        for event in received:
            validate_event("Member Stage Changed", event)
        return received

    def destroy(self) -> None:
        """Destroy everything that the example has created."""
        terraform(self.folder, "destroy", "-auto-approve", "-input=false")

    def resources(self) -> list[str]:
        """Return the names of the rules, buses, roles and queues that exist of it."""
        events = boto3.client("events")
        rules = [events.list_rules(EventBusName=bus)["Rules"] for bus in (f"buyer-stage-{LOCAL}", NAME)]
        names = [
            *(rule["Name"] for found in rules for rule in found),
            *(bus["Name"] for bus in events.list_event_buses()["EventBuses"]),
            *(role["RoleName"] for role in boto3.client("iam").list_roles()["Roles"]),
            *(url.rpartition("/")[2] for url in boto3.client("sqs").list_queues().get("QueueUrls", [])),
        ]
        return [name for name in names if name.startswith(NAME)]


def deploy(root: Path) -> Consumer:
    """Deploy the example in the account of the product, because MiniStack delivers no events to other accounts.

    Args:
        root: folder for the configuration and its state.
    """
    account = boto3.client("sts").get_caller_identity()["Account"]
    bus = boto3.client("events").describe_event_bus(Name=f"buyer-stage-{LOCAL}")["Arn"]
    lookup = boto3.client("lambda").get_alias(FunctionName=f"buyer-stage-look-up-stage-{LOCAL}", Name="live")
    variables = {
        "name": NAME,
        "event_bus_arn": bus,
        "lookup_arn": lookup["AliasArn"],
        "runs_as": {"type": "AWS", "identifiers": [f"arn:aws:iam::{account}:root"]},
    }
    folder = initialized_copy(EXAMPLE, root)
    (folder / "terraform.tfvars.json").write_text(json.dumps(variables))
    terraform(folder, "apply", "-auto-approve", "-input=false")
    outputs = json.loads(terraform(folder, "output", "-json"))
    return Consumer(folder, {name: output["value"] for name, output in outputs.items()})
