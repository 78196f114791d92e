"""The local cloud serves its owner only, and its processes and commands reach nothing else."""

import base64
import hashlib
import http.client
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from localcloud import cloud as local_cloud
from localcloud.deployment import PACKAGES, create_buckets, create_key
from tests.foreign_shell import REAL_KEY, TOKEN_NAME, Elsewhere, elsewhere, foreign_variables
from tests.terraform_copy import terraform
from tools.package import build_packages
from tools.repository import REPOSITORY

ROLE = "arn:aws:iam::000000000000:role/functions"
FUNCTIONS = "/2015-03-31/functions"
BUCKET = "of-the-owner"
PRINT_VARIABLES = "import os\ndef handler(event, context):\n    return dict(os.environ)\n"

Response = tuple[int, dict[str, str], bytes]


@pytest.fixture(scope="module")
def other_place() -> Iterator[Elsewhere]:
    with elsewhere() as server:
        yield server


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory, other_place: Elsewhere) -> dict[str, str]:
    """The variables of a developer's shell, which lead elsewhere."""
    return foreign_variables(tmp_path_factory.mktemp("aws"), other_place.url)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory, foreign: dict[str, str]) -> Iterator[local_cloud.LocalCloud]:
    """A local cloud that was started from that shell, with a bucket and a role."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in foreign.items():
            patch.setenv(name, value)
        with local_cloud.running(tmp_path_factory.mktemp("local_cloud")) as running:
            location = {"LocationConstraint": "us-west-2"}
            boto3.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=location)
            boto3.client("iam").create_role(RoleName="functions", AssumeRolePolicyDocument=trust())
            yield running


def trust() -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def function(source: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("handler.py", source)
    code = base64.b64encode(content.getvalue()).decode()
    request = {"FunctionName": "attack", "Runtime": "python3.11", "Role": ROLE, "Handler": "handler.handler"}
    return json.dumps({**request, "Code": {"ZipFile": code}}).encode()


def send(
    cloud: local_cloud.LocalCloud, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> Response:
    """Send a request as it is, and return status, headers in lower case and body."""
    connection = http.client.HTTPConnection("127.0.0.1", cloud.port, timeout=30)
    connection.request(method, path, body, dict(headers or {}))
    response = connection.getresponse()
    return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()


def signed(
    cloud: local_cloud.LocalCloud,
    method: str,
    path: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    *,
    key: local_cloud.Key | None = None,
    service: str = "lambda",
) -> dict[str, str]:
    """Return the headers of a request with a signature by a key, by default the owner's."""
    used = key or cloud.key
    request = AWSRequest(method, f"http://127.0.0.1:{cloud.port}{path}", data=body, headers=dict(headers or {}))
    SigV4Auth(Credentials(used.key_id, used.secret), service, "us-west-2").add_auth(request)
    return dict(request.headers)


def functions() -> list[str]:
    return [found["FunctionName"] for found in boto3.client("lambda").list_functions()["Functions"]]


@pytest.mark.parametrize(
    "page",
    [
        {},
        {"Origin": "https://page.example"},
        {"Origin": "null", "Content-Type": "text/plain"},
        {"Host": "page.example:4566"},
        {"Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-west-2/lambda/aws4_request, Signature=0"},
    ],
)
def test_a_web_page_can_neither_make_nor_invoke_a_function(cloud: local_cloud.LocalCloud, page: dict[str, str]) -> None:
    for path, body in ((FUNCTIONS, function(PRINT_VARIABLES)), (f"{FUNCTIONS}/attack/invocations", b"{}")):
        status, headers, _ = send(cloud, "POST", path, body, page)
        assert status == 403
        assert [name for name in headers if name.startswith("access-control-")] == []
    assert functions() == []


@pytest.mark.parametrize(
    "added",
    [
        {"Origin": "https://page.example"},
        {"Origin": "http://127.0.0.1:4566"},
        {"Host": "page.example:4566"},
        {"Host": "127.0.0.1"},
        {"Host": f"{BUCKET}.localhost:4566"},
    ],
)
def test_a_valid_signature_does_not_let_a_web_page_in(cloud: local_cloud.LocalCloud, added: dict[str, str]) -> None:
    body = function(PRINT_VARIABLES)
    status, _, _ = send(cloud, "POST", FUNCTIONS, body, signed(cloud, "POST", FUNCTIONS, body) | added)
    assert (status, functions()) == (403, [])


@pytest.mark.parametrize(
    ("service", "path", "code"),
    [
        ("s3", "/", b"InvalidAccessKeyId"),
        ("s3", f"/{BUCKET}", b"InvalidAccessKeyId"),
        ("lambda", FUNCTIONS, b"UnrecognizedClientException"),
        ("iam", "/?Action=ListRoles&Version=2010-05-08", b"InvalidClientTokenId"),
    ],
)
@pytest.mark.parametrize("key_id", ["test", "000000000000", "111111111111", "AKIAIOSFODNN7EXAMPLE"])
def test_keys_that_the_local_cloud_did_not_make_are_refused(
    cloud: local_cloud.LocalCloud, service: str, path: str, code: bytes, key_id: str
) -> None:
    for secret in ("test", cloud.key.secret):
        headers = signed(cloud, "GET", path, key=local_cloud.Key(key_id, secret), service=service)
        status, _, body = send(cloud, "GET", path, headers=headers)
        assert status == 403
        assert code in body


@pytest.mark.parametrize(
    ("service", "path", "code"),
    [("s3", f"/{BUCKET}", b"SignatureDoesNotMatch"), ("lambda", FUNCTIONS, b"InvalidSignatureException")],
)
def test_a_wrong_secret_is_refused(cloud: local_cloud.LocalCloud, service: str, path: str, code: bytes) -> None:
    key = replace(cloud.key, secret="another")
    status, _, body = send(cloud, "GET", path, headers=signed(cloud, "GET", path, key=key, service=service))
    assert status == 403
    assert code in body


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", f"/{BUCKET}/key", b"AccessDenied"),
        ("PUT", f"/{BUCKET}/key", b"AccessDenied"),
        ("GET", FUNCTIONS, b"MissingAuthenticationToken"),
        ("POST", "/_ministack/reset", b""),
        ("POST", "/_ministack/config", b""),
        ("GET", "/_ministack/lambda-code/attack", b""),
        ("GET", "/_localstack/health", b""),
        ("GET", "/health", b""),
        ("OPTIONS", f"/{BUCKET}", b""),
    ],
)
def test_a_request_without_a_signature_is_refused(
    cloud: local_cloud.LocalCloud, method: str, path: str, code: bytes
) -> None:
    status, headers, body = send(cloud, method, path)
    assert status == 403
    assert code in body
    assert [name for name in headers if name.startswith("access-control-")] == []
    boto3.client("s3").head_bucket(Bucket=BUCKET)  # The reset would have deleted it.


def test_only_the_health_needs_no_signature(cloud: local_cloud.LocalCloud) -> None:
    assert send(cloud, "GET", "/_ministack/health")[0] == 200
    assert send(cloud, "GET", "/_ministack/health", headers={"Origin": "https://page.example"})[0] == 403


def test_responses_to_the_owner_have_no_cors_headers(cloud: local_cloud.LocalCloud) -> None:
    for path, service in ((FUNCTIONS, "lambda"), ("/", "s3")):
        status, headers, _ = send(cloud, "GET", path, headers=signed(cloud, "GET", path, service=service))
        assert status == 200
        assert [name for name in headers if name.startswith("access-control-")] == []


def test_a_body_that_is_not_the_signed_one_is_refused(cloud: local_cloud.LocalCloud) -> None:
    declared = {"x-amz-content-sha256": hashlib.sha256(b"signed").hexdigest()}
    path = f"/{BUCKET}/changed"
    headers = signed(cloud, "PUT", path, b"signed", declared, service="s3")
    assert send(cloud, "PUT", path, b"signed", headers)[0] == 200
    assert send(cloud, "PUT", path, b"edited", headers)[0] == 403


def test_credentials_of_a_role_cannot_be_derived_from_names(cloud: local_cloud.LocalCloud) -> None:
    boto3.client("lambda").create_function(
        FunctionName="used", Runtime="python3.11", Role=ROLE, Handler="handler.handler",
        Code={"ZipFile": base64.b64decode(json.loads(function(PRINT_VARIABLES))["Code"]["ZipFile"])},
    )  # fmt: skip
    try:
        invoked = boto3.client("lambda").invoke(FunctionName="used")["Payload"].read()
        arn = "arn:aws:lambda:us-west-2:000000000000:function:used"
        digest = hashlib.sha256(f"{arn}:{ROLE}".encode()).hexdigest()  # as MiniStack derives them
        guessed = hashlib.sha256(f"secret:{digest}".encode()).hexdigest()
        variables = json.loads(invoked)
        assert variables["AWS_SECRET_ACCESS_KEY"] not in (guessed, cloud.key.secret)
        role = boto3.Session(
            variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"], variables["AWS_SESSION_TOKEN"]
        )
        assert "assumed-role/functions/" in role.client("sts").get_caller_identity()["Arn"]
        # The local cloud was started from a shell with a profile, keys, proxies and a token.
        assert not variables.keys() & {"AWS_PROFILE", "AWS_CA_BUNDLE", "HTTP_PROXY", "http_proxy", TOKEN_NAME}
        assert not variables.keys() & {"AWS_ENDPOINT_URL_S3", "LOCALCLOUD_SECOND_SECRET_ACCESS_KEY"}
        assert not {cloud.key.secret, cloud.second_key.secret, REAL_KEY, "secret"} & set(variables.values())
    finally:
        boto3.client("lambda").delete_function(FunctionName="used")


def test_a_presigned_url_works_until_it_expires(cloud: local_cloud.LocalCloud) -> None:
    s3 = boto3.client("s3", config=Config(signature_version="s3v4"))
    s3.put_object(Bucket=BUCKET, Key="presigned", Body=b"content")
    url = urlsplit(s3.generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": "presigned"}, 60))
    path = f"{url.path}?{url.query}"
    assert send(cloud, "GET", path)[::2] == (200, b"content")
    assert send(cloud, "GET", path.replace("/presigned?", "/another?"))[0] == 403
    assert send(cloud, "GET", path.replace("X-Amz-Expires=60", "X-Amz-Expires=600"))[0] == 403
    old = AWSRequest("GET", f"http://127.0.0.1:{cloud.port}{url.path}")
    signer = SigV4QueryAuth(Credentials(cloud.key.key_id, cloud.key.secret), "s3", "us-west-2", expires=1)
    signer.add_auth(old)
    old_path = old.url.partition(str(cloud.port))[2]
    then = datetime.now(UTC) - timedelta(days=1)
    assert send(cloud, "GET", old_path.replace(f"{datetime.now(UTC):%Y%m%dT}", f"{then:%Y%m%dT}"))[0] == 403


def test_a_body_in_signed_chunks_is_accepted_and_an_edited_chunk_is_not(cloud: local_cloud.LocalCloud) -> None:
    path, content = f"/{BUCKET}/chunked", b"in one chunk"
    declared = {
        "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "x-amz-decoded-content-length": str(len(content)),
        "content-encoding": "aws-chunked",
    }
    headers = signed(cloud, "PUT", path, headers=declared, service="s3")
    signer = SigV4Auth(Credentials(cloud.key.key_id, cloud.key.secret), "s3", "us-west-2")
    previous, scope = (
        headers["Authorization"].rpartition("=")[2],
        f"{headers['X-Amz-Date'][:8]}/us-west-2/s3/aws4_request",
    )
    request = AWSRequest("PUT", path)
    request.context["timestamp"] = headers["X-Amz-Date"]
    body = b""
    for chunk in (content, b""):
        text = ["AWS4-HMAC-SHA256-PAYLOAD", headers["X-Amz-Date"], scope, previous]
        text += [hashlib.sha256(part).hexdigest() for part in (b"", chunk)]
        previous = signer.signature("\n".join(text), request)
        body += f"{len(chunk):x};chunk-signature={previous}\r\n".encode() + chunk + b"\r\n"
    assert send(cloud, "PUT", path, body, headers)[0] == 200
    assert boto3.client("s3").get_object(Bucket=BUCKET, Key="chunked")["Body"].read() == content
    assert send(cloud, "PUT", path, body.replace(b"one", b"two"), headers)[0] == 403


def test_the_second_account_is_apart(cloud: local_cloud.LocalCloud) -> None:
    second = boto3.Session(*cloud.second_account.values())
    assert second.client("sts").get_caller_identity()["Arn"] == "arn:aws:iam::111111111111:root"
    assert second.client("lambda").list_functions()["Functions"] == []
    with pytest.raises(ClientError, match="NoSuchEntity"):
        second.client("iam").get_role(RoleName="functions")


# What follows runs in a shell like the one above, with the commands that `make demo-env` prints.

CLIENTS = {
    "boto3": "import boto3; print([b['Name'] for b in boto3.client('s3').list_buckets()['Buckets']])",
    "awswrangler": f"""
import awswrangler as wr, pandas as pd
wr.s3.to_parquet(pd.DataFrame({{'n': [1, 2]}}), 's3://{BUCKET}/written.parquet')
print(wr.s3.read_parquet('s3://{BUCKET}/written.parquet')['n'].sum(), '{BUCKET}')
""",
}


@pytest.fixture
def shell(
    cloud: local_cloud.LocalCloud, foreign: dict[str, str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> Any:  # fmt: skip
    """Return a function that runs a shell command with the variables of `make demo-env`, and returns what it prints."""
    monkeypatch.setattr(local_cloud, "STATE_FILE", tmp_path / "state" / "running.json")
    local_cloud.remember(cloud)
    variables = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **foreign}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in foreign.items():
            patch.setenv(name, value)
        patch.setattr(sys, "argv", ["cloud", "environment"])
        local_cloud.main()
    commands = capsys.readouterr().out

    def run(*command: str) -> str:
        done = subprocess.run(
            ["bash", "-euc", f'{commands}\nexec "$@"', "shell", *command],
            cwd=REPOSITORY, env=variables, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.fixture(autouse=True)
def nothing_leaves_the_local_cloud(cloud: local_cloud.LocalCloud, other_place: Elsewhere) -> Iterator[None]:
    """Check after each test that nothing reached another server, and that no request named a key of AWS."""
    yield
    assert other_place.connections == 0
    assert REAL_KEY not in (Path(cloud.work_folder) / "logs" / "server.log").read_text()


@pytest.mark.parametrize("client", CLIENTS)
def test_python_clients_work_with_the_printed_variables(shell: Any, client: str) -> None:
    assert BUCKET in shell(sys.executable, "-c", CLIENTS[client])


@pytest.mark.skipif(shutil.which("aws") is None, reason="there is no AWS CLI on this machine")
def test_the_aws_cli_works_with_the_printed_variables(shell: Any, tmp_path: Path) -> None:
    file = tmp_path / "large"
    file.write_bytes(b"0" * 9_000_000)  # in parts
    shell("aws", "s3", "cp", str(file), f"s3://{BUCKET}/large")
    assert "9000000 large" in shell("aws", "s3", "ls", f"s3://{BUCKET}/large")


def test_terraform_works_with_the_local_clouds_variables(cloud: local_cloud.LocalCloud, tmp_path: Path) -> None:
    configuration = tmp_path / "configuration"
    configuration.mkdir()
    versions = (REPOSITORY / "terraform/versions.tf").read_text()
    (configuration / "main.tf").write_text(
        'resource "aws_s3_bucket" "this" {\n  bucket = "from-terraform"\n  tags = { owner = "test" }\n}\n'
        'resource "aws_sns_topic" "this" {\n  name = "from-terraform"\n}\n'
        'variable "region" {\n  default = "us-west-2"\n}\nlocals {\n  tags = {}\n}\n' + versions
    )
    backend = ["bucket=of-the-owner", "key=state", "region=us-west-2", "use_lockfile=true"]
    terraform(configuration, "init", "-input=false", *(f"-backend-config={setting}" for setting in backend))
    assert "2 added" in terraform(configuration, "apply", "-input=false", "-auto-approve")
    assert "2 destroyed" in terraform(configuration, "destroy", "-input=false", "-auto-approve")


@pytest.fixture(scope="module")
def prepared(cloud: local_cloud.LocalCloud) -> None:
    """What the commands below need in the account, and packages."""
    build_packages(REPOSITORY, PACKAGES)
    create_buckets("local")
    create_key("local")
    boto3.client("sagemaker").create_model_package_group(ModelPackageGroupName="buyer-stage-local")


@pytest.mark.usefixtures("prepared")
@pytest.mark.parametrize(
    "command", ["tools.models list", "tools.publish", "localcloud.plan"], ids=lambda command: command.partition(" ")[0]
)
def test_commands_for_local_reach_the_local_cloud_only(shell: Any, command: str) -> None:
    shell(sys.executable, "-m", *command.split(), "--environment", "local")
