"""The contract of the lookup with product teams, as an OpenAPI document.

It is generated here and not by the function, whose start it would slow down.
"""

import inspect
import json
import re
from typing import Any

from pydantic import TypeAdapter

from buyer_stage.domain.lookup import MAXIMUM_IDS, BatchAnswer, BatchRequest, MemberAnswer, MemberStage, Problem
from buyer_stage.domain.member_id import MAXIMUM_BYTES, UNUSABLE_CHARACTER

VERSION = "1.0.1"
"""Version of the contract. A change that breaks clients needs a new path, such as `/v2`."""

Json = dict[str, Any]

TYPES: tuple[type, ...] = (MemberAnswer, BatchRequest, BatchAnswer, Problem)
PROBLEMS = {
    400: "The member id or the body is malformed.",
    403: "The signature is missing, wrong or expired, or the caller is not a reader. AWS answers, in its own format.",
    404: "No stage is served for this member.",
    422: "The request names no member or too many.",
    429: "There are too many requests. Send this one again after `Retry-After` seconds.",
    500: "Something is broken. Send the request again.",
    503: "Nothing has been published yet. Send the request again after `Retry-After` seconds.",
}
"""Status -> when the lookup answers with it."""
MEMBER_ID = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAXIMUM_BYTES,  # In bytes, which a schema cannot count.
    "pattern": f"^[^{UNUSABLE_CHARACTER.strip('[]')}]+$",
}
SECONDS = {"schema": {"type": "integer"}}


def render() -> str:
    """Return the contract as JSON."""
    return json.dumps(openapi(), indent=2) + "\n"


def openapi() -> Json:
    """Return the contract."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Buyer stages of members",
            "version": VERSION,
            "description": "Answers which stage a member has. Every request is signed with Signature Version 4 for "
            "the service `lambda`, by a principal in `reader_principal_arns`. See docs/for_product_teams.md.",
        },
        "servers": [{"url": "{lookup_url}", "variables": {"lookup_url": {"default": "https://example.com"}}}],
        "security": [{"sigv4": []}],
        "paths": {
            "/v1/members/{member_id}": {"get": _look_up()},
            "/v1/members:batchGet": {"post": _look_up_batch()},
        },
        "components": {
            "schemas": schemas(),
            "securitySchemes": {
                "sigv4": {
                    "type": "apiKey",
                    "name": "Authorization",
                    "in": "header",
                    "x-amazon-apigateway-authtype": "awsSigv4",
                }
            },
        },
    }


def schemas() -> Json:
    """Return the schemas of all types, with the descriptions in their docstrings."""
    found: Json = {}
    for each in TYPES:
        schema = TypeAdapter(each).json_schema(ref_template="#/components/schemas/{model}", mode="serialization")
        found |= schema.pop("$defs", {}) | {each.__name__: schema}
    for each in (*TYPES, MemberStage):
        schema, descriptions = found[each.__name__], attributes(each)
        schema["description"] = inspect.cleandoc(each.__doc__ or "").partition("\n")[0]
        for name, field in schema["properties"].items():
            field.pop("title", None)
            text = descriptions[name].replace("`MAXIMUM_IDS`", str(MAXIMUM_IDS))
            field["description"] = text[0].upper() + text[1:]
            if name in ("confidence", "probabilities"):
                numbers = field if name == "confidence" else field["additionalProperties"]
                numbers |= {"minimum": 0, "maximum": 1}
            if name == "member_id":
                field |= MEMBER_ID
            elif name in ("member_ids", "members", "not_found"):
                field["maxItems"] = MAXIMUM_IDS
                if "items" in field and "$ref" not in field["items"]:
                    field["items"] = MEMBER_ID
    request = found["BatchRequest"]
    request["properties"]["member_ids"]["minItems"] = 1
    request["additionalProperties"] = False
    return dict(sorted(found.items()))


def attributes(documented: type) -> dict[str, str]:
    """Return what the docstrings of a class and its bases say about each attribute."""
    found: dict[str, str] = {}
    for each in reversed(documented.__mro__[:-1]):
        found |= attributes_in(inspect.cleandoc(each.__doc__ or ""))
    return found


def attributes_in(docstring: str) -> dict[str, str]:
    """Return what a docstring says about each attribute."""
    _, _, section = docstring.partition("Attributes:\n")
    return {name: " ".join(text.split()) for name, text in re.findall(r"^ {4}(\w+): ((?:.|\n {5,})+)", section, re.M)}


def _look_up() -> Json:
    headers = {
        "ETag": {"description": "Identifies this answer.", "schema": {"type": "string"}},
        "Cache-Control": {"description": "How long the answer stays current.", "schema": {"type": "string"}},
    }
    return {
        "operationId": "lookUp",
        "summary": "Look up the stage of a member.",
        "parameters": [
            {"name": "member_id", "in": "path", "required": True, "description": "The member.", "schema": MEMBER_ID},
            {
                "name": "If-None-Match",
                "in": "header",
                "description": "The `ETag` of the answer that the caller has.",
                "schema": {"type": "string"},
            },
        ],
        "responses": {
            "200": {"description": "The stage.", "headers": headers, **_content("MemberAnswer")},
            "304": {"description": "The caller has this answer.", "headers": headers},
            **_problems(400, 403, 404, 429, 500, 503),
        },
    }


def _look_up_batch() -> Json:
    return {
        "operationId": "lookUpBatch",
        "summary": f"Look up the stages of up to {MAXIMUM_IDS} members.",
        "requestBody": {"required": True, **_content("BatchRequest")},
        "responses": {
            "200": {"description": "The stages.", **_content("BatchAnswer")},
            **_problems(400, 403, 422, 429, 500, 503),
        },
    }


def _content(name: str, content_type: str = "application/json") -> Json:
    return {"content": {content_type: {"schema": {"$ref": f"#/components/schemas/{name}"}}}}


def _problems(*statuses: int) -> Json:
    def response(status: int) -> Json:
        answer: Json = {"description": PROBLEMS[status]}
        if status != 403:
            answer |= _content("Problem", "application/problem+json")
        if status in (429, 503):
            answer["headers"] = {"Retry-After": SECONDS}
        return answer

    return {str(status): response(status) for status in statuses}
