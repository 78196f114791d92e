"""A rollback points the alias at the version before the live one."""

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from tools.rollback import NoEarlierVersionError, Rollback, find_rollback, roll_back

MACHINE = "arn:aws:states:us-west-2:123456789012:stateMachine:buyer-stage-ml-pipeline-dev"


def call(live: int, versions: list[int], expected: int | None) -> Any:
    client = boto3.client("stepfunctions", region_name="us-west-2")
    alias = {
        "stateMachineAliasArn": f"{MACHINE}:live",
        "name": "live",
        "routingConfiguration": [{"stateMachineVersionArn": f"{MACHINE}:{live}", "weight": 100}],
    }
    listed = [{"stateMachineVersionArn": f"{MACHINE}:{n}", "creationDate": "2026-05-20"} for n in versions]
    with Stubber(client) as stub:
        stub.add_response("describe_state_machine_alias", alias, {"stateMachineAliasArn": f"{MACHINE}:live"})
        stub.add_response("list_state_machine_versions", {"stateMachineVersions": listed})
        if expected is not None:
            routing = [{"stateMachineVersionArn": f"{MACHINE}:{expected}", "weight": 100}]
            stub.add_response(
                "update_state_machine_alias",
                {"updateDate": "2026-05-20"},
                {"stateMachineAliasArn": f"{MACHINE}:live", "routingConfiguration": routing},
            )
        found = find_rollback(client, MACHINE)
        roll_back(client, found)
        stub.assert_no_pending_responses()
        return found


@pytest.mark.parametrize(
    ("live", "versions", "previous"), [(10, [10, 9, 2, 1], 9), (9, [10, 9, 2, 1], 2), (2, [2, 1], 1)]
)
def test_previous_version_becomes_live(live: int, versions: list[int], previous: int) -> None:
    assert call(live, versions, previous) == Rollback(f"{MACHINE}:live", f"{MACHINE}:{live}", f"{MACHINE}:{previous}")


def test_rollback_of_the_first_version_is_an_error() -> None:
    with pytest.raises(NoEarlierVersionError, match=":1 is the first version"):
        call(1, [2, 1], None)
