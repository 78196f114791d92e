"""Requests to a Function URL, signed as a product team signs them."""

from collections.abc import Callable
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from localcloud.cloud import REGION


def send(
    url: str,
    session: boto3.Session | None,
    body: str | None = None,
    *,
    service: str = "lambda",
    change: dict[str, Callable[[str], str]] | None = None,
) -> tuple[int, str]:
    """Send a request, and return status and body.

    Args:
        url: where to.
        session: whose credentials sign; None does not sign.
        body: of a POST request; None sends a GET request.
        service: which the signature names.
        change: header -> function of the signed value that returns the value to send.
    """
    request = AWSRequest("GET" if body is None else "POST", url, data=body)
    if session is not None:
        credentials = session.get_credentials()
        assert credentials is not None
        SigV4Auth(Credentials(*credentials.get_frozen_credentials()[:3]), service, REGION).add_auth(request)
    headers = dict(request.headers.items())
    headers |= {name: changed(headers[name]) for name, changed in (change or {}).items()}
    try:
        with urlopen(Request(url, body.encode() if body else None, headers)) as response:
            return response.status, response.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()
