"""Read the roles of a deployed environment and their policies from IAM."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import boto3

PREFIX = "buyer-stage-"

Policy = Mapping[str, Any]


@dataclass(frozen=True)
class Role:
    """A role of an environment.

    Attributes:
        name: name of the role, which ends with the name of the environment.
        trust: trust policy.
        policies: inline policies, and customer managed policies that are attached to the role.
        managed: names of the attached AWS managed policies.
    """

    name: str
    trust: Policy
    policies: Sequence[Policy]
    managed: Sequence[str]


def read_roles(environment: str) -> list[Role]:
    """Return the roles of an environment, sorted by name."""
    roles = boto3.resource("iam").roles.all()
    return sorted(
        (_read_role(role) for role in roles if role.name.startswith(PREFIX) and role.name.endswith(f"-{environment}")),
        key=lambda role: role.name,
    )


def _read_role(role: Any) -> Role:
    inline = sorted(role.policies.all(), key=lambda policy: policy.name)
    attached = list(role.attached_policies.all())
    aws_managed = [policy for policy in attached if policy.arn.startswith("arn:aws:iam::aws:")]
    documents = [policy.policy_document for policy in inline]
    documents += [policy.default_version.document for policy in attached if policy not in aws_managed]
    return Role(
        name=role.name,
        trust=as_document(role.assume_role_policy_document),
        policies=list(map(as_document, documents)),
        managed=sorted(policy.arn.rpartition("/")[2] for policy in aws_managed),
    )


def as_document(policy: Any) -> Policy:
    """Return a policy as an object. Some services return it as text."""
    document: Policy = json.loads(policy) if isinstance(policy, str) else policy
    return document


def statements(policy: Policy) -> list[dict[str, Any]]:
    """Return a policy's statements. Actions and resources are sorted lists, even if the policy has a single value."""
    return [
        {**statement, **{key: sorted(as_list(statement[key])) for key in ("Action", "Resource") if key in statement}}
        for statement in as_list(policy["Statement"])
    ]


def as_list(value: Any) -> list[Any]:
    """Return a value of a policy as a list."""
    return value if isinstance(value, list) else [value]
