"""Serve the owner of the local cloud only: each request needs a valid signature, and none comes from a web page.

MiniStack verifies the signatures of roles and users. It takes the access key `test`, no key, and any 12 digits for the
owner of an account, without a signature, and it has paths that need none. This module checks every request before
MiniStack sees it: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html. The only path without a
signature is the one that says that the local cloud is up.

A browser adds the header `Origin` to each request that a page of another site can make a difference with, and a page
that resolves its own name to this machine sends that name as `Host`: https://fetch.spec.whatwg.org/#origin-header.
"""

import hashlib
import logging
import os
import re
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, quote

from ministack import app
from ministack.core import iam_evaluator
from ministack.core.iam_actions import access_denied_response
from ministack.core.iam_evaluator import AuthError, CredentialResolutionError
from ministack.core.responses import get_account_id, set_request_account_id
from ministack.core.router import detect_service, extract_access_key_id
from ministack.core.sigv4 import (
    decode_header_value,
    header_signature_failure,
    parse_header_signature,
    parse_query_signature,
    presigned_request_is_expired,
    request_time_failure,
)
from ministack.services import sts

from localcloud.cloud import SECOND_ACCOUNT, THIRD_ACCOUNT
from localcloud.corrections import function_urls
from localcloud.wrapping import wrap

Message = dict[str, Any]

HEALTH_PATH = "/_ministack/health"
REFUSED = 403
SHA256 = re.compile(r"[0-9a-f]{64}")

_log = logging.getLogger(__name__)


def install() -> None:
    """Refuse everyone else from now on. Install this module last: what is installed later answers earlier."""
    _add_account("LOCALCLOUD_SECOND_", SECOND_ACCOUNT)
    _add_account("LOCALCLOUD_THIRD_", THIRD_ACCOUNT)
    wrap(app, "app", _app)


def _add_account(prefix: str, account: str) -> None:
    """Accept the owner of a further account. Its key leaves the environment, which functions inherit."""
    sts.register_session(
        os.environ.pop(f"{prefix}ACCESS_KEY_ID"),
        {
            "Arn": f"arn:aws:iam::{account}:root",
            "UserId": account,
            "SecretAccessKey": os.environ.pop(f"{prefix}SECRET_ACCESS_KEY"),
        },
    )


async def _app(serve: Any, scope: Message, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await serve(scope, receive, send)
        return
    if scope["type"] != "http":
        await receive()
        await send({"type": "websocket.close", "code": 1008})
        return
    body = await _read(receive)
    if body is None:
        return
    method, path, headers = scope["method"], scope["path"], _headers(scope)
    query = parse_qs(scope.get("query_string", b"").decode("utf-8", "replace"), keep_blank_values=True)
    refusal = _from_elsewhere(headers)
    raw_path = scope.get("raw_path") or quote(path).encode()
    if refusal is None and (method, path) != ("GET", HEALTH_PATH):
        refusal = _not_signed(method, raw_path.decode("latin-1"), query, headers, body)
    if refusal is not None:
        _log.warning("refused %s, access key %r: %s", method, extract_access_key_id(headers, query), refusal.code)
        is_function_url = path.startswith(function_urls.PREFIX)
        service = "lambda" if is_function_url else detect_service(method, path, headers, query)
        await _refuse(refusal, service, headers, method, send)
        return
    function_urls.raw_path.set(raw_path.decode("latin-1"))
    pending = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return pending.pop() if pending else await receive()

    async def send_without_cors(message: Message) -> None:
        if "headers" in message:
            kept = [each for each in message["headers"] if not each[0].lower().startswith(b"access-control-")]
            message = {**message, "headers": kept}
        await send(message)

    await serve(scope, receive_again, send_without_cors)


async def _read(receive: Any) -> bytes | None:
    """Return the body of a request, or None when the client has gone."""
    parts = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def _headers(scope: Message) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in scope.get("headers", []):
        key, text = name.decode("latin-1").lower(), decode_header_value(value)
        headers[key] = f"{headers[key]},{text}" if key in headers else text
    return headers


def _from_elsewhere(headers: Mapping[str, str]) -> AuthError | None:
    """Return why a request can come from a web page, or None."""
    if "origin" in headers:
        return AuthError("AccessDenied", "The local cloud does not serve web pages: the request has an Origin header")
    port = os.environ["GATEWAY_PORT"]
    if headers.get("host") not in (f"127.0.0.1:{port}", f"localhost:{port}"):
        return AuthError("AccessDenied", f"The local cloud serves 127.0.0.1:{port} only: the Host header names another")
    return None


def _not_signed(
    method: str, raw_path: str, query: dict[str, list[str]], headers: dict[str, str], body: bytes
) -> AuthError | None:
    """Return why the signature of a request is not valid, or None."""
    authorization = headers.get("authorization", "")
    is_presigned = not authorization and "X-Amz-Signature" in query
    if authorization.startswith(("AWS4-ECDSA", "AWS ")) or (not authorization and "Signature" in query):
        return AuthError("UnsupportedSignature", "The local cloud accepts Signature Version 4 only")
    if not is_presigned and not authorization.startswith("AWS4-HMAC-SHA256 "):
        return AuthError("MissingAuthenticationToken", "Request is missing Authentication Token")
    signature = parse_query_signature(query) if is_presigned else parse_header_signature(headers)
    if isinstance(signature, tuple):
        return AuthError(*signature)
    key = signature.access_key_id
    if signature.region_set is not None or extract_access_key_id(headers, query) != key:
        return AuthError("IncompleteSignature", "The request names several access keys")
    if raw_path.startswith(function_urls.PREFIX) and signature.service != "lambda":
        return AuthError("SignatureDoesNotMatch", "Credential should be scoped to correct service: 'lambda'.")
    lifetime = query.get("X-Amz-Expires", [""])[0]
    if late := _expired(signature.amz_date, lifetime) if is_presigned else request_time_failure(signature):
        return AuthError(*late)
    token = query.get("X-Amz-Security-Token", [""])[0] if is_presigned else headers.get("x-amz-security-token", "")
    credential = _credential(key, token)
    if isinstance(credential, CredentialResolutionError):
        return AuthError(credential.code, credential.message)
    failure = header_signature_failure(
        signature, credential.secret_access_key, method, raw_path, query, headers, body, presigned=is_presigned
    ) or (None if is_presigned else _changed(headers, body))
    return AuthError(*failure) if failure else None


def _changed(headers: Mapping[str, str], body: bytes) -> tuple[str, str] | None:
    """Return that a body is not the signed one. MiniStack takes the hash that the client sent for the body's."""
    sent = headers.get("x-amz-content-sha256", "")
    if not SHA256.fullmatch(sent) or sent == hashlib.sha256(body).hexdigest():
        return None
    return "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed."


def _expired(signed_at: str, seconds: str) -> tuple[str, str] | None:
    try:
        is_expired = presigned_request_is_expired(signed_at, seconds)
    except ValueError:
        is_expired = True
    return ("RequestExpired", "Request has expired") if is_expired else None


def _credential(access_key: str, token: str) -> Any:
    """Return the credential of an access key, or why there is none."""
    if iam_evaluator.is_root_access_key(access_key) and access_key != os.environ["AWS_ACCESS_KEY_ID"]:
        return CredentialResolutionError(
            "UnrecognizedClientException", "The security token included in the request is invalid."
        )
    set_request_account_id(iam_evaluator.find_iam_access_key_account(access_key) or access_key)
    return iam_evaluator.resolve_credential(access_key, get_account_id(), token)


async def _refuse(refusal: AuthError, service: str, headers: dict[str, str], method: str, send: Any) -> None:
    """Answer in the protocol of the service, and always with 403: some services of AWS answer with 400."""
    _, sent, body = access_denied_response(
        service, "", "", str(uuid.uuid4()), error_code=refusal.code, message=refusal.message, headers=headers
    )
    body = b"" if method == "HEAD" else body
    pairs = [(name.lower().encode(), value.encode()) for name, value in sent.items()]
    pairs.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": REFUSED, "headers": pairs})
    await send({"type": "http.response.body", "body": body})
