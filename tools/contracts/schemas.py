"""The contracts of the table's item and of the events with product teams, as JSON Schemas.

Readers should accept fields that a schema does not have: later versions can add some.
"""

import inspect
import json
from collections.abc import Mapping
from dataclasses import MISSING, fields
from datetime import date
from decimal import Decimal
from enum import Enum
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from buyer_stage.domain.member_id import MAXIMUM_BYTES
from buyer_stage.domain.serving_item import ITEM_SCHEMA_VERSION, ServingItem
from buyer_stage.domain.stage_change_event import EVENT_SCHEMA_VERSION, EVENT_TYPES
from tools.contracts.lookup import attributes

Json = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
VERSION = "schema_version"

TYPES: Mapping[type, Json] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    Decimal: {"type": "number"},
    date: {"type": "string", "format": "date"},
    NoneType: {"type": "null"},
}
SHARE = {"minimum": 0, "maximum": 1}
LIMITS: Mapping[str, Json] = {
    "event_id": {"pattern": "^[0-9a-f]{64}$"},
    "member_id": {"minLength": 1, "maxLength": MAXIMUM_BYTES},
    "confidence": SHARE,
    "probabilities": SHARE,
    "members": {"minimum": 0},
    "changes": {"minimum": 0},
    "sequence": {"minimum": 0},
    "ttl": {"minimum": 0},
}
"""Field -> what limits its value, or its values if it has one per stage."""


def render() -> dict[str, str]:
    """Return file name -> schema as JSON."""
    schemas = {"serving_item.schema.json": schema(ServingItem, "Item of the serving table", ITEM_SCHEMA_VERSION)}
    for event in EVENT_TYPES:
        name = event.detail_type.lower().replace(" ", "_")
        schemas[f"events/{name}.schema.json"] = schema(event, event.detail_type, EVENT_SCHEMA_VERSION)
    return {name: json.dumps(document, indent=2) + "\n" for name, document in schemas.items()}


def schema(documented: type, title: str, version: int) -> Json:
    """Return the schema of a dataclass.

    Args:
        documented: the class. A field with a default can be missing, except the version.
        title: what the schema is about.
        version: the only value of `schema_version`.
    """
    hints, texts = get_type_hints(documented), attributes(documented)
    properties: Json = {}
    required = []
    for field in fields(documented):
        name = field.name.rstrip("_")
        limits = {"const": version} if name == VERSION else LIMITS.get(name, {})
        text = texts[field.name].replace("; see `event_id`", "")
        properties[name] = {**_value(hints[field.name], limits), "description": text[0].upper() + text[1:]}
        if field.default is MISSING or name == VERSION:
            required.append(name)
    return {
        "$schema": DIALECT,
        "title": title,
        "description": inspect.cleandoc(documented.__doc__ or "").partition("\n")[0],
        "type": "object",
        "properties": properties,
        "required": required,
    }


def _value(hint: Any, limits: Json) -> Json:
    """Return the schema of a value, from its type and what limits it."""
    if isinstance(hint, UnionType):
        return {"anyOf": [_value(each, {} if each is NoneType else limits) for each in get_args(hint)]}
    if get_origin(hint) is dict:
        key, value = get_args(hint)
        names = [each.value for each in key]
        return {"type": "object", "properties": {name: _value(value, limits) for name in names}, "required": names}
    if isinstance(hint, type) and issubclass(hint, Enum):
        return {"type": "string", "enum": [each.value for each in hint], **limits}
    return {**TYPES[hint], **limits}
