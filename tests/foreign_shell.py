"""A shell whose variables lead to a real account: what local commands must neither use nor pass on."""

import contextlib
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

REAL_KEY = "AKIAQ3EGREALLOOKING7"
TOKEN_NAME = "DEPLOY_TOKEN"

CONFIGURATION = """[profile work]
region = eu-west-1
endpoint_url = {elsewhere}
services = elsewhere

[services elsewhere]
s3 =
  endpoint_url = {elsewhere}
"""


class Elsewhere(socketserver.ThreadingTCPServer):
    """A server that is not the local cloud, and counts what reaches it."""

    def __init__(self) -> None:
        self.connections = 0
        super().__init__(("127.0.0.1", 0), _Connection)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Connection(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, Elsewhere)
        self.server.connections += 1


@contextlib.contextmanager
def elsewhere() -> Iterator[Elsewhere]:
    with Elsewhere() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def foreign_variables(folder: Path, url: str) -> dict[str, str]:
    """Return the variables of a developer with a profile, keys, proxies and endpoints, all of which lead to a URL."""
    credentials, configuration = folder / "credentials", folder / "config"
    credentials.write_text(f"[work]\naws_access_key_id = {REAL_KEY}\naws_secret_access_key = secret\n")
    configuration.write_text(CONFIGURATION.format(elsewhere=url))
    return {
        "AWS_PROFILE": "work",
        "AWS_CONFIG_FILE": str(configuration),
        "AWS_SHARED_CREDENTIALS_FILE": str(credentials),
        "AWS_ACCESS_KEY_ID": REAL_KEY,
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_SESSION_TOKEN": "token",
        "AWS_ENDPOINT_URL": url,
        "AWS_ENDPOINT_URL_S3": url,
        "AWS_ENDPOINT_URL_SAGEMAKER": url,
        "AWS_CA_BUNDLE": "/nowhere.pem",
        "HTTP_PROXY": url,
        "http_proxy": url,
        "ALL_PROXY": url,
        TOKEN_NAME: "for another program",
    }
