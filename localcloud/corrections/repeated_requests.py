"""A request that an SDK repeats because it lost the response gets that response again.

Under load, a connection can break after MiniStack has created a resource and before the client has read the response.
The SDK then repeats the request, and MiniStack refuses it because the resource exists. AWS SDKs send the same
`amz-sdk-invocation-id` with every attempt: https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any

from ministack import app

from localcloud.wrapping import wrap

Message = dict[str, Any]
Send = Callable[[Message], Awaitable[None]]

KEPT_RESPONSES = 200
"""SDKs repeat a request within seconds: by then, far fewer others have come in."""
READING_METHODS = frozenset({"GET", "HEAD"})

_responses: OrderedDict[str, list[Message]] = OrderedDict()


def install() -> None:
    """Keep responses, and repeat them, from now on."""
    wrap(app, "app", _app)


async def _app(serve: Any, scope: Message, receive: Any, send: Send) -> None:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope.get("headers", [])}
    invocation = headers.get("amz-sdk-invocation-id", "")
    if not invocation or scope["method"] in READING_METHODS:
        await serve(scope, receive, send)
        return
    if headers.get("amz-sdk-request", "").partition(";")[0] != "attempt=1" and invocation in _responses:
        for message in _responses[invocation]:
            await send(message)
        return
    response: list[Message] = []

    async def send_and_keep(message: Message) -> None:
        response.append(message)
        if not message.get("more_body", False) and "body" in message and response[0]["status"] < 400:
            _responses[invocation] = response
            if len(_responses) > KEPT_RESPONSES:
                _responses.popitem(last=False)
        await send(message)

    await serve(scope, receive, send_and_keep)
