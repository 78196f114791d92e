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
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ministack import app
from ministack.core import iam_actions, iam_evaluator
from ministack.core.iam_actions import identity_denial_message
from ministack.core.responses import get_account_id, get_region
from ministack.services import dynamodb, iam, s3, secretsmanager, sns, sts

from localcloud.policies.calls import CALLS_FILE, Call
from localcloud.policies.dependent_actions import Facts, find_requirements
from localcloud.policies.other_accounts import account_scope, refuse_root_of_another_account
from localcloud.wrapping import wrap

_acting_role: contextvars.ContextVar[str] = contextvars.ContextVar("acting_role")
_file_lock = threading.Lock()
_decide = iam_evaluator.enforce

DEPLOYED_ACCOUNT = get_account_id()
"""The account that everything is deployed to: calls of roles of other accounts are checked and not listed."""

TAG_KEYS = ("aws:requesttag/", "aws:resourcetag/", "aws:tagkeys")
"""Condition keys that a call shares with the actions of its service that depend on it, in lower case."""

_request: contextvars.ContextVar[Facts] = contextvars.ContextVar("request")
"""What is known about the HTTP request that is being served: its body and its client."""
_refused: contextvars.ContextVar[tuple[str, str]] = contextvars.ContextVar("refused")
"""The action and resource that the policies of the current request's role do not allow."""


class AccessDeniedError(Exception):
    """The policies of a role do not allow a call."""


def install() -> None:
    """Check and list all calls from now on."""
    iam_evaluator.enforce = _enforce
    wrap(iam_actions, "extract_resource_arn", _keep_request)
    wrap(iam_actions, "access_denied_response", _name_refused_action)
    wrap(iam_evaluator, "_resolve_condition_key", _name_role_of_principal)
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


def authorize(role: str | None, action: str, resource: str = "*", facts: Facts | None = None, **context: Any) -> None:
    """Check and list a call that a service makes for a role, and the actions that depend on it.

    Args:
        role: name or ARN; None means the owner of the account.
        action: the action as policies spell it, for example `s3:GetObject`.
        resource: ARN of the resource.
        facts: what is known about the call, see `localcloud.policies.dependent_actions`.
        context: the condition keys of the call.

    Raises:
        AccessDeniedError: The policies of the role do not allow the call or a dependent action.
    """
    if role is None:
        return
    access_key = credentials(role)["AWS_ACCESS_KEY_ID"]

    def check() -> Denial | None:
        iam_evaluator.pin_request_origin("127.0.0.1", True)
        return _check(access_key, action, resource, context, facts or {})

    # A separate context, because the request that is being served belongs to another caller.
    if denial := contextvars.Context().run(check):
        name = f"arn:aws:sts::{get_account_id()}:assumed-role/{role.rpartition('/')[2]}/localcloud"
        raise AccessDeniedError(identity_denial_message(denial.action, name, denial.resource, explicit_deny=False))


def authorize_job(role: str, action: str, resource: str, request: Mapping[str, Any], **job: Any) -> None:
    """Check and list what a service does with the role that a job or a function uses.

    Args:
        role: name or ARN.
        action: the action of the call that starts the job.
        resource: ARN of the job or function.
        request: body of the request that starts the job.
        job: what the service knows about the job, see `localcloud.policies.dependent_actions`.

    Raises:
        AccessDeniedError: The policies of the role do not allow an action. All of them are listed.
    """
    facts = _facts(action, resource, {"request": request, "job": job})
    denials = []
    for needed in find_requirements(action, facts, "job"):
        try:
            authorize(role, needed.action, needed.resource, **needed.context)
        except AccessDeniedError as error:
            denials.append(error)
    if denials:
        raise denials[0]


def is_allowed(role: str, action: str, resource: str) -> bool:
    """Check whether the policies of a role allow a call, without listing it."""
    access_key = credentials(role)["AWS_ACCESS_KEY_ID"]

    def decide() -> bool:
        iam_evaluator.pin_request_origin("127.0.0.1", True)
        return _decide(access_key, action, action.partition(":")[0], get_region(), resource) is None

    return contextvars.Context().run(decide)


@dataclass(frozen=True)
class Denial:
    """A call that policies do not allow.

    Attributes:
        action: the denied action, which can be a dependent one.
        resource: ARN of its resource.
        reason: MiniStack's result.
    """

    action: str
    resource: str
    reason: Any


def _enforce(
    access_key: str,
    action: str,
    service: str,
    _region: str,
    resource_arn: str = "*",
    service_context: dict[str, Any] | None = None,
) -> Any:
    """Decide on the call of an HTTP request instead of MiniStack."""
    denial = _check(access_key, action, resource_arn, service_context or {}, _request.get({}), service)
    if denial is None:
        return None
    _refused.set((denial.action, denial.resource))
    return denial.reason


def _check(
    access_key: str, action: str, resource: str, context: dict[str, Any], given: Facts, service: str | None = None
) -> Denial | None:
    """Let MiniStack decide on a call, then decide on the actions that depend on it, and list all of them."""
    service = service or action.partition(":")[0]
    reason = _decide(access_key, action, service, get_region(), resource, context)
    if reason is None:
        reason = refuse_root_of_another_account(access_key, action, service, resource, context)
    session = str(sts._sessions.get(access_key, {}).get("Arn", ""))
    role = _role_of_session(session)
    is_ours = session.split(":")[4:5] == [DEPLOYED_ACCOUNT]
    if role is not None and is_ours and not isinstance(reason, iam_evaluator.AuthError):
        _list(Call(role, action, resource, context, is_allowed=reason is None))
    if reason is not None:
        return Denial(action, resource, reason)
    if role is None:
        return None
    tags = {key: value for key, value in context.items() if key.lower().startswith(TAG_KEYS)}
    for needed in find_requirements(action, _facts(action, resource, given)):
        has_tags = needed.action.partition(":")[0] == action.partition(":")[0]
        needed_context = {**(tags if has_tags else {}), **needed.context}
        if denial := _check(access_key, needed.action, needed.resource, needed_context, {}):
            return denial
    return None


def _facts(action: str, resource: str, given: Facts) -> dict[str, Any]:
    """Return what is known about a call."""
    request: Mapping[str, Any] = given.get("request", {})
    facts: dict[str, Any] = {
        "resource": resource, "account": get_account_id(), "region": get_region(), "request": request,
        "user_agent": "", "roles": _named_roles(request), **given,
    }  # fmt: skip
    service = action.partition(":")[0]
    if service == "s3":
        bucket, _, name = resource.removeprefix("arn:aws:s3:::").partition("/")
        facts["bucket"] = f"arn:aws:s3:::{bucket}"
        facts["is_missing"] = name not in s3._buckets.get(bucket, {}).get("objects", {})
        facts["key"] = s3._bucket_default_sse_headers(bucket).get("x-amz-server-side-encryption-aws-kms-key-id")
    elif service == "dynamodb" and resource != "*":
        with account_scope(resource):
            table = dynamodb._tables.get(resource.split("/")[1]) or {}
        facts["key"] = table.get("SSEDescription", {}).get("KMSMasterKeyArn")
    elif service == "secretsmanager" and resource != "*":
        facts["key"] = (secretsmanager._resolve(resource)[1] or {}).get("KmsKeyId")
    elif service == "sns":
        topic = sns._topics.get(resource) or {}
        facts["key"] = topic.get("attributes", {}).get("KmsMasterKeyId")
    return facts


def _named_roles(request: Mapping[str, Any]) -> dict[str, str]:
    """Return the ARNs of the roles of a cluster, which a request can name in several ways."""
    roles = {}
    if service_role := request.get("ServiceRole"):
        roles["service"] = _role_arn(service_role)
    if instance_profile := request.get("JobFlowRole"):
        roles["instance"] = _role_arn(role_of_instance_profile(instance_profile))
    return roles


def _role_arn(role: str) -> str:
    return role if role.startswith("arn:") else f"arn:aws:iam::{get_account_id()}:role/{role}"


def _keep_request(extract: Callable[..., str], service: str, *request: Any) -> str:
    """Keep what dependent actions can depend on before MiniStack decides on a request."""
    _method, _path, headers, body = request[:4]
    document = json.loads(body) if "x-amz-target" in headers and body[:1] == b"{" else {}
    _request.set({"request": document, "user_agent": headers.get("user-agent", "")})
    return extract(service, *request)


def _name_refused_action(respond: Callable[..., Any], service: str, action: str, *details: Any, **more: Any) -> Any:
    """Name the action that is not allowed, which can be a dependent one."""
    action, more["resource_arn"] = _refused.get((action, more.get("resource_arn", "*")))
    return respond(service, action, *details, **more)


def _role_of_session(arn: str) -> str | None:
    return arn.split("/")[1] if ":assumed-role/" in arn else None


def _name_role_of_principal(resolve: Callable[..., Any], key: str, context: Any) -> Any:
    """Return the role, not its session, as the principal of a condition."""
    value = resolve(key, context)
    role = _role_of_session(str(value)) if key.lower() == "aws:principalarn" else None
    return value if role is None else f"arn:aws:iam::{context.principal_account}:role/{role}"


def _list(call: Call) -> None:
    with _file_lock, (Path(os.environ["LOCALCLOUD_WORK_FOLDER"]) / CALLS_FILE).open("a") as file:
        file.write(json.dumps(call.as_document()) + "\n")
