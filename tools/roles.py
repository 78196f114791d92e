"""The roles of a deployed environment, and their policies as IAM holds them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import boto3

PREFIX = "buyer-stage-"

Policy = Mapping[str, Any]


@dataclass(frozen=True)
class Role:
    """A role of the environment.

    Attributes:
        name: its name, the environment's at its end.
        trust: who may take it.
        policies: what it may do, by policies of its own and of the account.
        managed: names of the policies of AWS it has beside them; they are AWS's to keep small.
    """

    name: str
    trust: Policy
    policies: Sequence[Policy]
    managed: Sequence[str]


def read_roles(environment: str) -> list[Role]:
    """Read the roles of an environment, in the order of their names."""
    roles = boto3.resource("iam").roles.all()
    return sorted(
        (_read_role(role) for role in roles if role.name.startswith(PREFIX) and role.name.endswith(f"-{environment}")),
        key=lambda role: role.name,
    )


def _read_role(role: Any) -> Role:
    inline = sorted(role.policies.all(), key=lambda policy: policy.name)
    attached = list(role.attached_policies.all())
    of_aws = [policy for policy in attached if policy.arn.startswith("arn:aws:iam::aws:")]
    documents = [policy.policy_document for policy in inline]
    documents += [policy.default_version.document for policy in attached if policy not in of_aws]
    return Role(
        name=role.name,
        trust=as_document(role.assume_role_policy_document),
        policies=list(map(as_document, documents)),
        managed=sorted(policy.arn.rpartition("/")[2] for policy in of_aws),
    )


def as_document(policy: Any) -> Policy:
    """Give a policy, which services answer as text or as what it says."""
    document: Policy = json.loads(policy) if isinstance(policy, str) else policy
    return document


def statements(policy: Policy) -> list[dict[str, Any]]:
    """Give a policy's statements with lists, sorted, where IAM takes a single value too."""
    return [
        {**statement, **{key: sorted(as_list(statement[key])) for key in ("Action", "Resource") if key in statement}}
        for statement in as_list(policy["Statement"])
    ]


def as_list(value: Any) -> list[Any]:
    """Give a value of a policy as a list."""
    return value if isinstance(value, list) else [value]
