"""A product team of another account reads stages from the table and by the lookup, and can do nothing else."""

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.accounts import allow, assume
from tests.local_stack import SNAPSHOT_DATE, FirstRuns, Item, Stack
from tests.signed_requests import send


def test_the_lookup_answers_with_the_item_and_the_live_snapshot(first_runs: FirstRuns) -> None:
    unpublished, (status, one), (batch_status, batch) = first_runs.answers
    item = first_runs.items_again[min(first_runs.items_again)]

    assert (status, batch_status) == (200, 200)
    assert {**item, "ttl": int(item["ttl"]), "schema_version": int(item["schema_version"])} | {
        "as_of": SNAPSHOT_DATE.isoformat(),
        "freshness": "stale",
        "confidence": one["confidence"],
        "probabilities": one["probabilities"],
    } == one
    assert one["probabilities"] == {stage: float(value) for stage, value in item["probabilities"].items()}
    assert (one["confidence"], batch["not_found"]) == (float(item["confidence"]), ["nobody"])
    assert [each | {"as_of": one["as_of"], "freshness": "stale"} for each in batch["members"]] == [one]
    assert unpublished[0] == 503


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("v1/members/nobody", None, 404),
        ("v1/members/%00", None, 400),
        ("v1/members:batchGet", {"member_ids": []}, 422),
        ("v1/members:batchGet", {"member_ids": ["m"] * 101}, 422),
        ("v1/members:batchGet", {"member_ids": [1]}, 400),
        ("v2", None, 404),
    ],
)
def test_the_lookup_says_what_is_wrong(
    stack: Stack, first_runs: FirstRuns, path: str, body: Item | None, status: int
) -> None:
    answered, problem = stack.look_up(path, body)
    assert (answered, problem["status"]) == (status, status)


def table_arn(stack: Stack) -> str:
    described = boto3.client("dynamodb").describe_table(TableName=stack.deployment.table_name)
    return described["Table"]["TableArn"]


def test_the_reader_gets_items_and_does_nothing_else(stack: Stack, first_runs: FirstRuns) -> None:
    table, client = table_arn(stack), stack.product_team.client("dynamodb")
    key = {"member_id": {"S": min(first_runs.items_again)}}
    assert client.get_item(TableName=table, Key=key)["Item"]["member_id"] == key["member_id"]
    assert client.batch_get_item(RequestItems={table: {"Keys": [key]}})["Responses"][table]
    with pytest.raises(ClientError, match="AccessDeniedException"):
        client.scan(TableName=table)
    with pytest.raises(ClientError, match="AccessDeniedException"):
        client.put_item(TableName=table, Item=key)


def test_others_get_nothing(stack: Stack, first_runs: FirstRuns) -> None:
    member = min(first_runs.items_again)
    url = f"{stack.deployment.lookup_url}v1/members/{member}"
    other_team = assume(stack.cloud.second_account, "other-team", allow(["*"]))
    third = assume(stack.cloud.third_account, "product-team", allow(["*"]))
    for session in (other_team, third):
        assert send(url, session)[0] == 403
        with pytest.raises(ClientError, match="AccessDeniedException"):
            session.client("dynamodb").get_item(TableName=table_arn(stack), Key={"member_id": {"S": member}})
    assert send(url, None)[0] == 403


def test_the_log_of_the_lookup_names_the_caller_and_no_member(stack: Stack, first_runs: FirstRuns) -> None:
    pages = boto3.client("logs").get_paginator("filter_log_events")
    group = "/aws/lambda/buyer-stage-look-up-stage-local"
    log = "\n".join(event["message"] for page in pages.paginate(logGroupName=group) for event in page["events"])
    assert "arn:aws:sts::111111111111:assumed-role/product-team/session" in log
    assert min(first_runs.items_again) not in log
