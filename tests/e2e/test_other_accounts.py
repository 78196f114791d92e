"""Both accounts must allow what a role of another account does, and a Function URL knows who calls."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from localcloud import cloud as local_cloud
from tests.accounts import allow, assume, document
from tests.e2e.test_services import make_role, package
from tests.signed_requests import send

ACCOUNT, SECOND, THIRD = "000000000000", local_cloud.SECOND_ACCOUNT, local_cloud.THIRD_ACCOUNT
REGION = local_cloud.REGION
READER = f"arn:aws:iam::{SECOND}:role/reader"
TABLE = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/stages"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:echo"
ECHO = """
def handler(event, context):
    iam = event["requestContext"]["authorizer"]["iam"]
    return {"statusCode": 200, "body": event["rawPath"] + " " + iam["accountId"] + " " + iam["userArn"]}
"""
Json = dict[str, Any]


@dataclass(frozen=True)
class Owned:
    """What the account of the table owns.

    Attributes:
        cloud: the local cloud.
        key: ARN of the table's key.
        url: of the function.
    """

    cloud: local_cloud.LocalCloud
    key: str
    url: str


@pytest.fixture(scope="module")
def owned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Owned]:
    """A table, its key and a function with a URL, which a role of the second account can use."""
    with local_cloud.running(tmp_path_factory.mktemp("local_cloud")) as cloud:
        reader = {"Principal": {"AWS": READER}}
        root = {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}
        through = {"Condition": {"StringEquals": {"kms:ViaService": f"dynamodb.{REGION}.amazonaws.com"}}}
        key = boto3.client("kms").create_key(
            Policy=document(allow(["kms:*"], **root), allow(["kms:Decrypt"], **reader, **through))
        )["KeyMetadata"]["Arn"]
        table = boto3.client("dynamodb")
        table.create_table(
            TableName="stages",
            AttributeDefinitions=[{"AttributeName": "member_id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "member_id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
            SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key},
        )
        table.put_item(TableName="stages", Item={"member_id": {"S": "m1"}})
        items = ["dynamodb:GetItem", "dynamodb:BatchGetItem"]
        table.put_resource_policy(ResourceArn=TABLE, Policy=document(allow(items, TABLE, **reader)))
        functions = boto3.client("lambda")
        functions.create_function(
            FunctionName="echo", Runtime="python3.11", Handler="handler.handler", Code={"ZipFile": package(ECHO)},
            Role=make_role("echo"),
        )  # fmt: skip
        url = functions.create_function_url_config(FunctionName="echo", AuthType="AWS_IAM")["FunctionUrl"]
        functions.add_permission(
            FunctionName="echo", StatementId="url", Action="lambda:InvokeFunctionUrl", Principal=READER,
            FunctionUrlAuthType="AWS_IAM",
        )  # fmt: skip
        functions.add_permission(
            FunctionName="echo", StatementId="invoke", Action="lambda:InvokeFunction", Principal=READER,
            InvokedViaFunctionUrl=True,
        )  # fmt: skip
        yield Owned(cloud, key, url)


@pytest.fixture(scope="module")
def reader(owned: Owned) -> boto3.Session:
    """The reader, whose own account allows it everything."""
    return assume(owned.cloud.second_account, "reader", allow(["*"]))


GET: Json = {"TableName": TABLE, "Key": {"member_id": {"S": "m1"}}}


def test_a_reader_of_another_account_gets_items(reader: boto3.Session) -> None:
    client = reader.client("dynamodb")
    assert client.get_item(**GET)["Item"] == {"member_id": {"S": "m1"}}
    batch = client.batch_get_item(RequestItems={TABLE: {"Keys": [GET["Key"]]}})
    assert batch["Responses"] == {TABLE: [{"member_id": {"S": "m1"}}]}


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ("scan", {"TableName": TABLE}),
        ("query", {"TableName": TABLE, "KeyConditionExpression": "member_id = :m",
                   "ExpressionAttributeValues": {":m": {"S": "m1"}}}),
        ("put_item", {"TableName": TABLE, "Item": GET["Key"]}),
        ("delete_item", GET),
        ("describe_table", {"TableName": TABLE}),
        ("delete_table", {"TableName": TABLE}),
    ],
)  # fmt: skip
def test_a_reader_does_nothing_else(reader: boto3.Session, call: str, arguments: Json) -> None:
    with pytest.raises(ClientError, match="AccessDeniedException"):
        getattr(reader.client("dynamodb"), call)(**arguments)


def test_a_reader_uses_the_key_through_dynamodb_only(owned: Owned, reader: boto3.Session) -> None:
    ciphertext = boto3.client("kms").encrypt(KeyId=owned.key, Plaintext=b"text")["CiphertextBlob"]
    with pytest.raises(ClientError, match="AccessDenied"):
        reader.client("kms").decrypt(KeyId=owned.key, CiphertextBlob=ciphertext)


@pytest.mark.parametrize(
    ("name", "statements"),
    [
        ("no-policy", []),
        ("no-key", [allow(["dynamodb:GetItem"], TABLE)]),
        ("another-role", [allow(["*"])]),
    ],
)
def test_other_roles_of_the_second_account_get_nothing(owned: Owned, name: str, statements: list[Json]) -> None:
    session = assume(owned.cloud.second_account, name, *statements)
    with pytest.raises(ClientError, match="AccessDeniedException"):
        session.client("dynamodb").get_item(**GET)
    assert send(owned.url, session)[0] == 403


def test_a_third_account_gets_nothing(owned: Owned) -> None:
    third = owned.cloud.third_account
    for session in (assume(third, "reader", allow(["*"])), boto3.Session(*third.values())):
        with pytest.raises(ClientError, match="AccessDeniedException"):
            session.client("dynamodb").get_item(**GET)
        assert send(owned.url, session)[0] == 403


def test_the_root_of_the_second_account_is_not_the_reader(owned: Owned) -> None:
    with pytest.raises(ClientError, match="AccessDeniedException"):
        boto3.Session(*owned.cloud.second_account.values()).client("dynamodb").get_item(**GET)


def test_a_role_of_the_table_s_account_needs_only_one_of_the_policies(owned: Owned) -> None:
    account = {"id": owned.cloud.key.key_id, "secret": owned.cloud.key.secret}
    with pytest.raises(ClientError, match="AccessDeniedException"):
        assume(account, "none").client("dynamodb").get_item(**GET)
    own = assume(account, "own", allow(["dynamodb:GetItem", "kms:Decrypt"]))
    assert "Item" in own.client("dynamodb").get_item(**GET)


def test_a_function_url_passes_the_caller_and_the_path_as_it_was_sent(owned: Owned, reader: boto3.Session) -> None:
    assert owned.url.startswith(f"http://127.0.0.1:{owned.cloud.port}/_aws/lambda-url/")
    configured = boto3.client("lambda").get_function_url_config(FunctionName="echo")
    assert configured["FunctionUrl"] == owned.url

    answered = send(f"{owned.url}v1/members/m%2F1%20", reader)

    assert answered == (200, f"/v1/members/m%2F1%20 {SECOND} arn:aws:sts::{SECOND}:assumed-role/reader/session")


def spoil(signature: str) -> str:
    """Return another signature of the same length."""
    return signature[:-1] + ("0" if signature[-1] != "0" else "1")


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("Authorization", lambda _: "none"),
        ("Authorization", spoil),
        ("X-Amz-Date", lambda _: "20200101T000000Z"),
        ("X-Amz-Security-Token", lambda _: "another"),
    ],
    ids=["without a signature", "another signature", "expired", "another session"],
)
def test_requests_without_a_valid_signature_are_refused(
    owned: Owned, reader: boto3.Session, name: str, change: Callable[[str], str]
) -> None:
    assert send(owned.url, reader, change={name: change})[0] == 403


def test_unsigned_requests_and_those_signed_for_another_service_are_refused(
    owned: Owned, reader: boto3.Session
) -> None:
    assert send(owned.url, None)[0] == 403
    assert send(owned.url, reader, service="dynamodb")[0] == 403


def test_a_role_needs_both_permissions_on_the_function(owned: Owned) -> None:
    half = assume(owned.cloud.second_account, "half", allow(["lambda:InvokeFunctionUrl"]))
    assert send(owned.url, half)[0] == 403
    account = {"id": owned.cloud.key.key_id, "secret": owned.cloud.key.secret}
    both = assume(account, "both", allow(["lambda:InvokeFunctionUrl", "lambda:InvokeFunction"]))
    assert send(owned.url, both)[0] == 200
    only_url = assume(account, "only-url", allow(["lambda:InvokeFunctionUrl"]))
    assert send(owned.url, only_url)[0] == 403


def test_calls_of_other_accounts_are_not_listed(owned: Owned, reader: boto3.Session) -> None:
    reader.client("dynamodb").get_item(**GET)
    listed = (Path(owned.cloud.work_folder) / "calls.jsonl").read_text()
    assert '"reader"' not in listed
