"""Saved queries of CloudWatch Logs Insights, which MiniStack does not have."""

import json
import time
import uuid
from typing import Any

from ministack.core.responses import error_response_json, json_response
from ministack.services import cloudwatch_logs

from localcloud.wrapping import wrap

_queries: dict[str, dict[str, Any]] = {}


def install() -> None:
    """Handle the operations of query definitions, which MiniStack refuses."""
    wrap(cloudwatch_logs, "handle_request", _handle_request)


async def _handle_request(
    handle_request: Any, method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
) -> Any:
    operation = OPERATIONS.get(headers.get("x-amz-target", "").rpartition(".")[2])
    if operation is None:
        return await handle_request(method, path, headers, body, query)
    return operation(json.loads(body))


def _put(request: dict[str, Any]) -> Any:
    query_id = request.get("queryDefinitionId") or str(uuid.uuid4())
    if "queryDefinitionId" in request and query_id not in _queries:
        return error_response_json("ResourceNotFoundException", f"query definition {query_id} does not exist", 400)
    _queries[query_id] = {
        "queryDefinitionId": query_id,
        "queryLanguage": "CWLI",
        "logGroupNames": [],
        "lastModified": int(time.time() * 1000),
        **{name: request[name] for name in ("name", "queryString", "logGroupNames") if name in request},
    }
    return json_response({"queryDefinitionId": query_id})


def _describe(request: dict[str, Any]) -> Any:
    prefix = request.get("queryDefinitionNamePrefix", "")
    return json_response({"queryDefinitions": [q for q in _queries.values() if q["name"].startswith(prefix)]})


def _delete(request: dict[str, Any]) -> Any:
    if _queries.pop(request["queryDefinitionId"], None) is None:
        return error_response_json(
            "ResourceNotFoundException", f"query definition {request['queryDefinitionId']} does not exist", 400
        )
    return json_response({"success": True})


OPERATIONS = {"PutQueryDefinition": _put, "DescribeQueryDefinitions": _describe, "DeleteQueryDefinition": _delete}
