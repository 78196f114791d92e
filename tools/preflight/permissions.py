"""Check with IAM that each role can make the calls that it made on the local cloud."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from tools.preflight.result import NotDeployedError, Result, failed, passed
from tools.recorded_calls import ANY, Calls
from tools.security_docs import Placeholders

EXAMPLE = "x"
"""What stands in a resource for a part that differs between runs. IAM accepts no patterns there."""


def check_roles(iam: Any, recorded: Sequence[Calls], placeholders: Placeholders) -> Iterator[Result]:
    """Simulate the recorded calls: one result when all roles can make theirs, and one for each role that cannot.

    IAM also applies permissions boundaries and the organization's policies, but not the policies of resources.

    Args:
        iam: client for IAM.
        recorded: the calls that were recorded on the local cloud.
        placeholders: names of the environment.

    Raises:
        NotDeployedError: none of the roles exists.
    """
    check = "permissions"
    roles = sorted({calls.role for calls in recorded})
    problems: dict[str, list[str]] = {}
    missing = []
    for role in roles:
        name = placeholders.fill(role)
        try:
            denied = list(_denied(iam, name, (calls for calls in recorded if calls.role == role), placeholders))
        except iam.exceptions.NoSuchEntityException:
            missing.append(name)
        else:
            problems |= {name: denied} if denied else {}
    if len(missing) == len(roles):
        raise NotDeployedError(placeholders.environment)
    for name in missing:
        yield failed(check, f"the role {name} does not exist", f"make apply ENV={placeholders.environment}")
    for name, denied in problems.items():
        more = f", and {len(denied) - 1} more" if len(denied) > 1 else ""
        yield failed(check, f"{name}: {denied[0]}{more}", _fix(denied[0]))
    if not missing and not problems:
        count = sum(len(calls.actions) * len(calls.resources) for calls in recorded)
        yield passed(check, f"{len(roles)} roles can make the {count} calls of a run")


def _denied(iam: Any, role: str, recorded: Iterable[Calls], placeholders: Placeholders) -> Iterator[str]:
    for calls in recorded:
        pages = iam.get_paginator("simulate_principal_policy").paginate(
            PolicySourceArn=f"arn:aws:iam::{placeholders.account_id}:role/{role}",
            ActionNames=list(calls.actions),
            ResourceArns=[_example(placeholders.fill(resource)) for resource in calls.resources],
            ContextEntries=[_entry(key, placeholders.fill(value)) for key, value in (*calls.context, OVER_TLS)],
        )
        for page in pages:
            for result in page["EvaluationResults"]:
                yield from _denials(result)


def _denials(result: Any) -> Iterator[str]:
    """Yield a sentence for each resource on which an action is denied."""
    action = result["EvalActionName"]
    for each in result.get("ResourceSpecificResults") or [result]:
        decision = each.get("EvalResourceDecision") or each["EvalDecision"]
        if decision != "allowed":
            yield f"{action} on {each['EvalResourceName']} is denied by {_denying({**result, **each}, decision)}"


def _denying(result: Any, decision: str) -> str:
    if not result.get("OrganizationsDecisionDetail", {}).get("AllowedByOrganizations", True):
        return ORGANIZATION
    if not result.get("PermissionsBoundaryDecisionDetail", {}).get("AllowedByPermissionsBoundary", True):
        return BOUNDARY
    return DENY if decision == "explicitDeny" else POLICY


ORGANIZATION = "a policy of the organization"
BOUNDARY = "the permissions boundary"
DENY = "a statement of a policy"
POLICY = "default: no statement allows it"
OVER_TLS = ("aws:SecureTransport", "true")


def _fix(denial: str) -> str:
    if denial.endswith(BOUNDARY):
        return "allow the action in terraform/bootstrap/boundaries.tf, and apply the bootstrap"
    if denial.endswith(ORGANIZATION):
        return "ask the administrators of the organization to allow the action"
    return "compare the role with docs/security.md; `make plan` shows whether someone changed it"


def _example(resource: str) -> str:
    return resource if resource == "*" else resource.replace(ANY, EXAMPLE).replace("*", EXAMPLE)


def _entry(key: str, value: str) -> dict[str, Any]:
    kind = "boolean" if value in ("true", "false") else "string"
    return {"ContextKeyName": key, "ContextKeyValues": [value.replace(ANY, EXAMPLE)], "ContextKeyType": kind}
