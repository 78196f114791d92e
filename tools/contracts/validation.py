"""Compares what product teams get with the published contracts.

Each function raises `jsonschema.ValidationError`, whose text has the value, and therefore members.
"""

import functools
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from jsonschema import Draft202012Validator

from tools.contracts.documents import FOLDER


def validate_item(item: Mapping[str, Any]) -> None:
    """Compare an item of the table, as boto3 returns it, with its contract."""
    _schema("serving_item.schema.json").validate(json.loads(json.dumps(item, default=_number)))


def validate_event(detail_type: str, detail: Mapping[str, Any]) -> None:
    """Compare the detail of an event with the contract of its type."""
    _schema(f"events/{detail_type.lower().replace(' ', '_')}.schema.json").validate(detail)


def validate_answer(path: str, status: int, answer: Mapping[str, Any]) -> None:
    """Compare an answer of the lookup with the contract.

    Args:
        path: of the request, without a slash at its start.
        status: of the answer.
        answer: its body.
    """
    success = "BatchAnswer" if path == "v1/members:batchGet" else "MemberAnswer"
    _schema("lookup.openapi.json", f"#/components/schemas/{success if status == 200 else 'Problem'}").validate(answer)


@functools.cache
def _schema(file: str, part: str | None = None) -> Draft202012Validator:
    schema = json.loads((FOLDER / file).read_text())
    return Draft202012Validator({**schema, "$ref": part} if part else schema)


def _number(value: Decimal) -> int | float:
    return int(value) if value == int(value) else float(value)
