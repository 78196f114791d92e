"""The policies of roles, enforced on every AWS call that a role makes, and a record of the calls.

MiniStack checks the calls that come in over HTTP, by the credentials they are signed with: Lambda functions and jobs
act with those of their roles. Calls that services make for a role inside the server come here by `authorize`: an
execution's calls, the passing of roles, the use of keys. Each call is one line of `calls.jsonl` in the work folder:

    {"role": "...", "action": "s3:GetObject", "resource": "arn:...", "context": {...}, "is_allowed": true}

Clients with the access key `test` (Terraform, the demo, the tests) own the account: not checked, not recorded.
"""

import contextlib
import contextvars
import hashlib
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
"""What a service does with a resource's own key in the name of the caller. S3: https://docs.aws.amazon.com/AmazonS3/
latest/userguide/UsingKMSEncryption.html; DynamoDB asks for its table key to be decrypted: .../amazondynamodb/latest/
developerguide/encryption.howitworks.html; SNS: .../sns/latest/dg/sns-key-management.html."""


class AccessDeniedError(Exception):
    """A role's policies do not allow a call."""


def install() -> None:
    """Check and record from now on."""
    iam_evaluator.enforce = _enforce
    # The clients of the local cloud do without TLS because nothing leaves the machine.
    app.pin_request_origin = lambda source_ip, _secure: iam_evaluator.pin_request_origin(source_ip, True)


def credentials(role: str) -> dict[str, str]:
    """Give the environment variables with which a process acts as a role.

    Args:
        role: name or ARN.
    """
    name = role.rpartition("/")[2]
    key = f"ASIA{hashlib.sha256(name.encode()).hexdigest()[:16].upper()}"
    secret, token = (hashlib.sha256(f"{kind} of {name}".encode()).hexdigest() for kind in ("secret", "token"))
    sts.register_session(
        key,
        {
            "Arn": f"arn:aws:sts::{get_account_id()}:assumed-role/{name}/localcloud",
            "UserId": f"{name}:localcloud",
            "SecretAccessKey": secret,
            "SessionToken": token,
        },
    )
    return {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": token}


def role_of_instance_profile(name: str) -> str:
    """Give the role that the instances of a profile act as.

    Raises:
        AccessDeniedError: there is no such profile, or it has no role.
    """
    profile = iam._instance_profiles.get(name)
    if not profile or not profile["Roles"]:
        raise AccessDeniedError(f"Invalid InstanceProfile: {name}.")
    role: str = profile["Roles"][0]
    return role


@contextlib.contextmanager
def acting_as(role: str) -> Iterator[None]:
    """Calls that the services make in this block, and in threads it starts, are a role's."""
    token = _acting_role.set(role)
    try:
        yield
    finally:
        _acting_role.reset(token)


def caller() -> str | None:
    """Give the role that makes the current call; None when the owner of the account does."""
    if role := _acting_role.get(None):
        return role
    return _role_of_session(iam_evaluator.caller_arn())


def authorize(role: str | None, action: str, resource: str = "*", **context: Any) -> None:
    """Check and record a call that a service makes for a role.

    Args:
        role: name or ARN; None stands for the owner of the account.
        action: as policies name it.
        resource: the ARN it is about.
        context: the condition keys it carries.

    Raises:
        AccessDeniedError: the role may not make it.
    """
    if role is None:
        return
    if not allows(role, action, resource, **context):
        name = f"arn:aws:sts::{get_account_id()}:assumed-role/{role.rpartition('/')[2]}/localcloud"
        raise AccessDeniedError(identity_denial_message(action, name, resource, explicit_deny=False))


def authorize_passing(role: str, service: str) -> None:
    """Check and record that the caller may hand a role to a service.

    Raises:
        AccessDeniedError: it may not.
    """
    arn = role if role.startswith("arn:") else f"arn:aws:iam::{get_account_id()}:role/{role}"
    authorize(caller(), "iam:PassRole", arn, **{"iam:PassedToService": service})


def allows(role: str, action: str, resource: str = "*", *, is_made: bool = True, **context: Any) -> bool:
    """Tell whether a role may make a call, and record it unless it is not made."""
    arguments = (credentials(role)["AWS_ACCESS_KEY_ID"], action, action.partition(":")[0], get_region(), resource)
    enforce = _enforce if is_made else _decide

    def decide() -> bool:
        iam_evaluator.pin_request_origin("127.0.0.1", True)
        return enforce(*arguments, context) is None

    # In a context of its own: the request being served is another caller's.
    return contextvars.Context().run(decide)


def _enforce(
    access_key: str,
    action: str,
    service: str,
    region: str,
    resource_arn: str = "*",
    service_context: dict[str, Any] | None = None,
) -> Any:
    """Let MiniStack decide, then decide on what the call implies; record both."""
    denied = _decide(access_key, action, service, region, resource_arn, service_context)
    role = _role_of_session(str(sts._sessions.get(access_key, {}).get("Arn", "")))
    if role is None or isinstance(denied, iam_evaluator.AuthError):
        return denied
    _record(Call(role, action, resource_arn, service_context or {}, is_allowed=denied is None))
    for implied, implied_resource, context in _implied(action, resource_arn):
        if denied is not None:
            break
        implied_service = implied.partition(":")[0]
        denied = _decide(access_key, implied, implied_service, region, implied_resource, context)
        _record(Call(role, implied, implied_resource, context, is_allowed=denied is None))
    return denied


def _implied(action: str, resource_arn: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Give the further calls that a service checks when it serves one: listing for what is not there, and keys."""
    service = action.partition(":")[0]
    key = None
    if action in READS_AND_WRITES:
        bucket, _, name = resource_arn.removeprefix("arn:aws:s3:::").partition("/")
        if action == "s3:GetObject" and name not in s3._buckets.get(bucket, {}).get("objects", {}):
            # Without this right, S3 would answer that the object is forbidden, not that it is missing.
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


def _record(call: Call) -> None:
    with _file_lock, (Path(os.environ["LOCALCLOUD_WORK_FOLDER"]) / CALLS_FILE).open("a") as file:
        file.write(json.dumps(call.as_document()) + "\n")
