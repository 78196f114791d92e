"""Enforce the policies of roles on every AWS call that a role makes, and list the calls.

MiniStack checks the calls that arrive over HTTP by the credentials that sign them. Lambda functions and jobs use the
credentials of their roles. `authorize` checks the calls that services make for a role inside the server: an
execution's calls, passing a role, using a key. Each call becomes one line of `calls.jsonl` in the work folder:

    {"role": "...", "action": "s3:GetObject", "resource": "arn:...", "context": {...}, "is_allowed": true}

Clients with the access key of the owner (Terraform, the demo, the tests) own the account: `localcloud.access` verifies
their signatures, and their calls are neither checked nor listed.
"""

import contextlib
import contextvars
import hashlib
import hmac
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ministack import app
from ministack.core import iam_evaluator
from ministack.core.iam_actions import identity_denial_message
from ministack.core.responses import get_account_id, get_region
from ministack.services import dynamodb, iam, s3, sns, sts

from localcloud.policies.calls import CALLS_FILE, Call

_acting_role: contextvars.ContextVar[str] = contextvars.ContextVar("acting_role")
_file_lock = threading.Lock()
_decide = iam_evaluator.enforce

READS_AND_WRITES = frozenset({"s3:GetObject", "s3:PutObject"})
KEY_USES = {
    "s3:GetObject": ("kms:Decrypt",),
    "s3:PutObject": ("kms:GenerateDataKey",),
    "dynamodb": ("kms:Decrypt",),
    "sns:Publish": ("kms:GenerateDataKey", "kms:Decrypt"),
}
"""Action or service -> the uses of the resource's key that the caller also needs. S3: https://docs.aws.amazon.com/
AmazonS3/latest/userguide/UsingKMSEncryption.html; DynamoDB decrypts its table key: .../amazondynamodb/latest/
developerguide/encryption.howitworks.html; SNS: .../sns/latest/dg/sns-key-management.html."""


class AccessDeniedError(Exception):
    """The policies of a role do not allow a call."""


def install() -> None:
    """Check and list all calls from now on."""
    iam_evaluator.enforce = _enforce
    # Clients of the local cloud do not use TLS, because nothing leaves the machine. Policies that demand it still hold.
    app.pin_request_origin = lambda source_ip, _secure: iam_evaluator.pin_request_origin(source_ip, True)


def credentials(role: str) -> dict[str, str]:
    """Return the environment variables that let a process act as a role.

    Args:
        role: name or ARN.
    """
    name = role.rpartition("/")[2]
    account = role.split(":")[4] if role.startswith("arn:") else get_account_id()
    key = f"ASIA{hashlib.sha256(f'{account} {name}'.encode()).hexdigest()[:16].upper()}"
    owner = os.environ["AWS_SECRET_ACCESS_KEY"].encode()  # Nobody else can derive what follows.
    secret, token = (
        hmac.digest(owner, f"{kind} of {account} {name}".encode(), "sha256").hex() for kind in ("secret", "token")
    )
    sts.register_session(
        key,
        {
            "Arn": f"arn:aws:sts::{account}:assumed-role/{name}/localcloud",
            "UserId": f"{name}:localcloud",
            "SecretAccessKey": secret,
            "SessionToken": token,
        },
    )
    return {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": token}


def role_of_instance_profile(name: str) -> str:
    """Return the role of an instance profile.

    Raises:
        AccessDeniedError: The profile does not exist or has no role.
    """
    profile = iam._instance_profiles.get(name)
    if not profile or not profile["Roles"]:
        raise AccessDeniedError(f"Invalid InstanceProfile: {name}.")
    role: str = profile["Roles"][0]
    return role


@contextlib.contextmanager
def acting_as(role: str) -> Iterator[None]:
    """Make the calls in this block, and in the threads it starts, calls of a role."""
    token = _acting_role.set(role)
    try:
        yield
    finally:
        _acting_role.reset(token)


def caller() -> str | None:
    """Return the role that makes the current call, or None when the owner of the account makes it."""
    if role := _acting_role.get(None):
        return role
    return _role_of_session(iam_evaluator.caller_arn())


def authorize(role: str | None, action: str, resource: str = "*", **context: Any) -> None:
    """Check and list a call that a service makes for a role.

    Args:
        role: name or ARN; None means the owner of the account.
        action: the action as policies spell it, for example `s3:GetObject`.
        resource: ARN of the resource.
        context: the condition keys of the call.

    Raises:
        AccessDeniedError: The policies of the role do not allow the call.
    """
    if role is None:
        return
    if not allows(role, action, resource, **context):
        name = f"arn:aws:sts::{get_account_id()}:assumed-role/{role.rpartition('/')[2]}/localcloud"
        raise AccessDeniedError(identity_denial_message(action, name, resource, explicit_deny=False))


def authorize_passing(role: str, service: str) -> None:
    """Check and list that the caller passes a role to a service.

    Raises:
        AccessDeniedError: The policies of the caller do not allow it.
    """
    arn = role if role.startswith("arn:") else f"arn:aws:iam::{get_account_id()}:role/{role}"
    authorize(caller(), "iam:PassRole", arn, **{"iam:PassedToService": service})


def allows(role: str, action: str, resource: str = "*", *, is_made: bool = True, **context: Any) -> bool:
    """Check whether a role can make a call, and list the call unless `is_made` is false."""
    arguments = (credentials(role)["AWS_ACCESS_KEY_ID"], action, action.partition(":")[0], get_region(), resource)
    enforce = _enforce if is_made else _decide

    def decide() -> bool:
        iam_evaluator.pin_request_origin("127.0.0.1", True)
        return enforce(*arguments, context) is None

    # A separate context, because the request that is being served belongs to another caller.
    return contextvars.Context().run(decide)


def _enforce(
    access_key: str,
    action: str,
    service: str,
    region: str,
    resource_arn: str = "*",
    service_context: dict[str, Any] | None = None,
) -> Any:
    """Let MiniStack decide on a call, then decide on the calls that it implies, and list all of them."""
    denied = _decide(access_key, action, service, region, resource_arn, service_context)
    role = _role_of_session(str(sts._sessions.get(access_key, {}).get("Arn", "")))
    if role is None or isinstance(denied, iam_evaluator.AuthError):
        return denied
    _list(Call(role, action, resource_arn, service_context or {}, is_allowed=denied is None))
    for implied, implied_resource, context in _implied(action, resource_arn):
        if denied is not None:
            break
        implied_service = implied.partition(":")[0]
        denied = _decide(access_key, implied, implied_service, region, implied_resource, context)
        _list(Call(role, implied, implied_resource, context, is_allowed=denied is None))
    return denied


def _implied(action: str, resource_arn: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Return what a service checks in addition to a call: the right to list when an object is missing, and keys."""
    service = action.partition(":")[0]
    key = None
    if action in READS_AND_WRITES:
        bucket, _, name = resource_arn.removeprefix("arn:aws:s3:::").partition("/")
        if action == "s3:GetObject" and name not in s3._buckets.get(bucket, {}).get("objects", {}):
            # Without this right, S3 reports a missing object as forbidden.
            return [("s3:ListBucket", f"arn:aws:s3:::{bucket}", {})]
        key = s3._bucket_default_sse_headers(bucket).get("x-amz-server-side-encryption-aws-kms-key-id")
        uses = KEY_USES[action]
    elif service == "dynamodb" and resource_arn != "*":
        table = dynamodb._tables.get(resource_arn.partition("/")[2]) or {}
        key, uses = table.get("SSEDescription", {}).get("KMSMasterKeyArn"), KEY_USES["dynamodb"]
    elif action == "sns:Publish":
        topic = sns._topics.get(resource_arn) or {}
        key, uses = topic.get("attributes", {}).get("KmsMasterKeyId"), KEY_USES["sns:Publish"]
    if not key:
        return []
    context = {"kms:ViaService": f"{service}.{get_region()}.amazonaws.com", "kms:CallerAccount": get_account_id()}
    return [(use, key, context) for use in uses]


def _role_of_session(arn: str) -> str | None:
    return arn.split("/")[1] if ":assumed-role/" in arn else None


def _list(call: Call) -> None:
    with _file_lock, (Path(os.environ["LOCALCLOUD_WORK_FOLDER"]) / CALLS_FILE).open("a") as file:
        file.write(json.dumps(call.as_document()) + "\n")
