"""The contract of run receipts, as a JSON Schema.

It is generated here and not by the function, whose start it would slow down.
"""

import json
from typing import Any

from pydantic import TypeAdapter

from buyer_stage.receipts.document import RECEIPT_SCHEMA_VERSION, RunReceipt
from tools.contracts.lookup import attributes_in
from tools.contracts.schemas import DIALECT, VERSION

Json = dict[str, Any]


def render() -> str:
    """Return the contract as JSON."""
    return json.dumps(schema(), indent=2) + "\n"


def schema() -> Json:
    """Return the schema of a receipt and of the documents in it, with the descriptions in their docstrings.

    Readers should accept fields that it does not have: the documents can get more of them.
    """
    root = TypeAdapter(RunReceipt).json_schema(mode="serialization")
    definitions = dict(sorted(root.pop("$defs").items()))
    for each in (root, *definitions.values()):
        _describe(each)
    root["required"].append(VERSION)
    root["properties"][VERSION] = {"const": RECEIPT_SCHEMA_VERSION, "description": "Version of this schema."}
    head = {"$schema": DIALECT, "title": "Receipt of an execution", "description": root.pop("description")}
    return {**head, **root, "$defs": definitions}


def _describe(schema: Json) -> None:
    """Replace the titles that pydantic derives from names with what the docstring says."""
    docstring = schema.pop("description")
    texts = attributes_in(docstring)
    del schema["title"]
    schema["description"] = " ".join(docstring.partition("\n\n")[0].split())
    for name, field in schema.get("properties", {}).items():
        field.pop("title", None)
        if name in texts:
            field["description"] = texts[name][0].upper() + texts[name][1:]
