"""Function URLs: an address on this machine, the caller in the event, and the path as it was sent.

https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
"""

import contextvars
import json
import os
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.router import extract_access_key_id
from ministack.services import lambda_svc

from localcloud.wrapping import wrap

PREFIX = "/_aws/lambda-url/"
"""Start of the paths under which MiniStack serves Function URLs; the id of the URL follows."""

raw_path: contextvars.ContextVar[str] = contextvars.ContextVar("raw_path", default="")
"""Path of the current request as it was sent, which `localcloud.access` sets."""


def install() -> None:
    """Correct the URLs and events of MiniStack."""
    wrap(lambda_svc, "_create_function_url_config", _create_local)
    wrap(lambda_svc, "_function_url_id", _id_of_local)
    wrap(lambda_svc, "_build_function_url_event", _complete_event)


def _create_local(create: Any, *arguments: Any) -> Any:
    """Report a URL that a client on this machine can reach."""
    status, headers, body = create(*arguments)
    if status != 201:
        return status, headers, body
    created = json.loads(body)["FunctionUrl"]
    for kept in lambda_svc._function_urls.values():
        if kept["FunctionUrl"] == created:
            name = created.removeprefix("https://").partition(".")[0]
            kept["FunctionUrl"] = f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}{PREFIX}{name}/"
            return lambda_svc.json_response(kept, status=status)
    raise LookupError(f"MiniStack does not keep the function URL {created}")


def _id_of_local(find: Any, url: str) -> str:
    _, is_local, rest = url.partition(PREFIX)
    return rest.rstrip("/") if is_local else str(find(url))


def _complete_event(
    build: Any, url_id: str, account: str, region: str, method: str, path: str, headers: dict[str, str], body: bytes,
    query: dict[str, Any], **more: Any,
) -> dict[str, Any]:  # fmt: skip
    """Add the caller, and the path without decoding it."""
    event: dict[str, Any] = build(url_id, account, region, method, path, headers, body, query, **more)
    sent = raw_path.get().removeprefix(f"{PREFIX}{url_id}") or "/"
    event["rawPath"] = event["requestContext"]["http"]["path"] = sent
    caller = iam_evaluator.resolve_caller_identity(extract_access_key_id(headers, query))
    if caller is not None and not more.get("anonymous"):
        identity = {
            "accessKey": caller["accessKey"],
            "accountId": caller["accountId"],
            "callerId": caller["userId"],
            "cognitoIdentity": None,
            "principalOrgId": caller["principalOrgId"],
            "userArn": caller["userArn"],
            "userId": caller["userId"],
        }
        event["requestContext"]["authorizer"] = {"iam": identity}
    return event
