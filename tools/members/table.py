"""The members' items in the serving table."""

import itertools
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from buyer_stage.domain.features import MEMBER_ID

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBServiceResource

ITEMS_PER_READ = 100
"""The most items that DynamoDB returns in one BatchGetItem request."""


def find_items(dynamodb: "DynamoDBServiceResource", table: str, members: Iterable[str]) -> list[str]:
    """Return the members who have an item."""
    found, remaining = [], iter(sorted(members))
    while batch := list(itertools.islice(remaining, ITEMS_PER_READ)):
        keys: Any = [{MEMBER_ID: member} for member in batch]
        while keys:
            requested: Any = {table: {"Keys": keys, "ProjectionExpression": MEMBER_ID, "ConsistentRead": True}}
            response: Any = dynamodb.batch_get_item(RequestItems=requested)
            found += [item[MEMBER_ID] for item in response["Responses"].get(table, [])]
            keys = response["UnprocessedKeys"].get(table, {}).get("Keys")
    return found


def delete_items(dynamodb: "DynamoDBServiceResource", table: str, members: Iterable[str]) -> int:
    """Delete the members' items, and return how many there were."""
    found = find_items(dynamodb, table, members)
    with dynamodb.Table(table).batch_writer() as batch:
        for member in found:
            batch.delete_item(Key={MEMBER_ID: member})
    return len(found)
