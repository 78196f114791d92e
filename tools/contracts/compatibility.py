"""Finds what a new version of a contract removes from those who rely on the present one."""

from collections.abc import Iterator, Mapping
from typing import Any

Json = Mapping[str, Any]

ANNOTATIONS = frozenset({"$schema", "default", "description", "examples", "title"})
"""Keywords that no document is checked against."""

REMEDY = (
    "others rely on it: leave it as it is and add an optional field, or raise the contract's version, tell its readers "
    "in docs/for_product_teams.md, and run `make contracts` again"
)


def find_breaks(committed: Json, proposed: Json) -> list[str]:
    """Return what is wrong with a change of a contract: the name of each field, what is different, and what to do.

    A new version of the contract can differ in anything. Within a version, fields that can be missing can be added, and
    texts can change. All else is a break, also more possible values: a reader may not know what to do with them.

    Args:
        committed: a JSON Schema or OpenAPI document, as others know it.
        proposed: the same document as the code has it now.
    """
    if _version(committed) != _version(proposed):
        return []
    return [f"{name} {problem}; {REMEDY}" for name, problem in _compare("", _schemas(committed), _schemas(proposed))]


def _version(document: Json) -> object:
    if "openapi" in document:
        return document["info"]["version"]
    return document["properties"]["schema_version"]["const"]


def _schemas(document: Json) -> Json:
    """Return a schema itself, or one whose properties are the schemas of an OpenAPI document."""
    return {"properties": document["components"]["schemas"]} if "openapi" in document else document


def _compare(name: str, before: Json, now: Json) -> Iterator[tuple[str, str]]:
    known, fields = ({**schema.get("properties", {}), **schema.get("$defs", {})} for schema in (before, now))
    prefix = f"{name}." if name else ""
    for field, schema in known.items():
        path = f"{prefix}{field}"
        if field not in fields:
            yield path, "is gone"
        else:
            yield from _compare(path, schema, fields[field])
    must_have, must_have_now = set(before.get("required", ())), set(now.get("required", ()))
    for field in sorted(must_have ^ must_have_now):
        if field in known and field in fields:
            yield f"{prefix}{field}", "can be missing" if field in must_have else "cannot be missing"
        elif field in fields:
            yield f"{prefix}{field}", "is new and cannot be missing"
    keywords = sorted((before.keys() | now.keys()) - ANNOTATIONS - {"$defs", "properties", "required"})
    for keyword in keywords:
        if before.get(keyword) != now.get(keyword):
            problem = "has another type" if keyword == "type" else f"has other values ({keyword})"
            yield name or "the document", f"{problem}: {now.get(keyword)} instead of {before.get(keyword)}"
