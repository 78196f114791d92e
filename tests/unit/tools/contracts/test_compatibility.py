"""What counts as a break of a contract."""

import copy
import json
from typing import Any

import pytest

from buyer_stage.domain.serving_item import ServingItem
from tools.contracts import lookup, run_receipt
from tools.contracts.compatibility import REMEDY, find_breaks
from tools.contracts.schemas import schema

ITEM = schema(ServingItem, "Item", 1)


def changed(**fields: Any) -> dict[str, Any]:
    """Return the item's schema with other fields; None removes one."""
    document = copy.deepcopy(ITEM)
    for name, field in fields.items():
        if field is None:
            del document["properties"][name]
            document["required"].remove(name)
        else:
            document["properties"][name] = field
    return document


def problems(document: dict[str, Any]) -> list[str]:
    found = find_breaks(ITEM, document)
    assert all(problem.endswith(REMEDY) for problem in found)
    return [problem.partition(";")[0] for problem in found]


def test_same_contract_breaks_nothing() -> None:
    assert problems(json.loads(json.dumps(ITEM))) == []


def test_optional_field_can_be_added_and_texts_can_change() -> None:
    ttl = {**ITEM["properties"]["ttl"], "description": "Else."}
    assert problems({**changed(region={"type": "string"}, ttl=ttl), "title": "Else"}) == []


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        (changed(since=None), "since is gone"),
        (changed(ttl={"type": "string", "minimum": 0}), "ttl has another type: string instead of integer"),
        (
            changed(confidence={"type": "number", "minimum": 0.5, "maximum": 1}),
            "confidence has other values (minimum): 0.5 instead of 0",
        ),
        (
            changed(model_version={"type": "string", "maxLength": 9}),
            "model_version has other values (maxLength): 9 instead of None",
        ),
        (
            changed(value={"type": "string", "enum": ["Dreamer"]}),
            "value has other values (enum): ['Dreamer'] instead of ['Dreamer', 'Casual Searcher', "
            "'Active Searcher', 'Ready To Transact']",
        ),
        ({**ITEM, "required": [name for name in ITEM["required"] if name != "ttl"]}, "ttl can be missing"),
        (
            {**changed(region={"type": "string"}), "required": [*ITEM["required"], "region"]},
            "region is new and cannot be missing",
        ),
    ],
)
def test_break_names_the_field(document: dict[str, Any], problem: str) -> None:
    assert problems(document)[0] == problem


def test_field_in_a_field_is_named_with_its_path() -> None:
    document = copy.deepcopy(ITEM)
    del document["properties"]["probabilities"]["properties"]["Dreamer"]
    assert problems(document) == ["probabilities.Dreamer is gone"]


def test_another_version_can_differ_in_anything() -> None:
    document = changed(since=None)
    document["properties"]["schema_version"]["const"] = 2
    assert problems(document) == []


def test_schemas_of_an_openapi_document_are_compared() -> None:
    before, now = lookup.openapi(), lookup.openapi()
    assert find_breaks(before, now) == []
    del now["components"]["schemas"]["MemberAnswer"]["properties"]["freshness"]
    assert [problem.partition(";")[0] for problem in find_breaks(before, now)] == ["MemberAnswer.freshness is gone"]


def test_documents_in_a_document_are_compared_field_by_field() -> None:
    before, now = run_receipt.schema(), run_receipt.schema()
    assert find_breaks(before, now) == []
    now["$defs"]["PushReceipt"]["properties"]["region"] = {"type": "string"}
    assert find_breaks(before, now) == []
    del now["$defs"]["PushReceipt"]["properties"]["read"]
    assert [problem.partition(";")[0] for problem in find_breaks(before, now)] == ["PushReceipt.read is gone"]
