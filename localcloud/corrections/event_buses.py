"""Policies of event buses as a whole, which Terraform puts. MiniStack only adds single statements.

https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutPermission.html
"""

import json
from typing import Any

from ministack.core.responses import json_response
from ministack.services import eventbridge

from localcloud.wrapping import wrap


def install() -> None:
    """Keep the policy of a request that has one."""
    wrap(eventbridge, "_put_permission", _put_permission)


def _put_permission(put: Any, request: dict[str, Any]) -> Any:
    if "Policy" not in request:
        return put(request)
    eventbridge._event_bus_policies[request.get("EventBusName", "default")] = json.loads(request["Policy"])
    return json_response({})
