"""Event buses: policies as a whole, which Terraform puts, and names by ARN.

MiniStack only adds single statements to a policy, and takes the ARN of a bus for a name in most calls.

https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutPermission.html
https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html
"""

import contextlib
import json
from typing import Any

from ministack.core.responses import json_response
from ministack.services import eventbridge

from localcloud.wrapping import wrap


def install() -> None:
    """Keep the policy of a request that has one, and find the buses that ARNs name."""
    wrap(eventbridge, "_put_permission", _put_permission)
    wrap(eventbridge, "handle_request", _with_names)


def _put_permission(put: Any, request: dict[str, Any]) -> Any:
    if "Policy" not in request:
        return put(request)
    eventbridge._event_bus_policies[request.get("EventBusName", "default")] = json.loads(request["Policy"])
    return json_response({})


async def _with_names(
    handle: Any, method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
) -> Any:
    with contextlib.suppress(ValueError):
        document = json.loads(body or b"{}")
        name, error = eventbridge._event_bus_name_from_ref(document.get("EventBusName"))
        if name and error is None:
            body = json.dumps({**document, "EventBusName": name}).encode()
    return await handle(method, path, headers, body, query)
