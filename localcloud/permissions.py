"""What roles are permitted by their policies, against what they were recorded to do.

The policies are those that IAM in the local cloud holds: inline ones, and attached ones of the account. Policies that
AWS manages (EMR's service role has one) are AWS's to keep small, and left out.
"""

import copy
import fnmatch
import json
import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import boto3

from localcloud.calls import Call
from localcloud.cloud import SERVER_PYTHON
from tools.repository import REPOSITORY

Policy = dict[str, Any]
Policies = Mapping[str, Sequence[Policy]]
"""Role -> its policy documents."""

Permission = tuple[str, str]
"""Role and action."""


def role_policies(prefix: str) -> dict[str, list[Policy]]:
    """Read the policies of the roles whose names begin with a prefix."""
    iam = boto3.client("iam")
    roles = [
        role["RoleName"]
        for page in iam.get_paginator("list_roles").paginate()
        for role in page["Roles"]
        if role["RoleName"].startswith(prefix)
    ]
    policies: dict[str, list[Policy]] = {}
    for role in roles:
        inline = iam.list_role_policies(RoleName=role)["PolicyNames"]
        policies[role] = [iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in inline]
        for attached in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
            if not attached["PolicyArn"].startswith("arn:aws:iam::aws:"):
                version = iam.get_policy(PolicyArn=attached["PolicyArn"])["Policy"]["DefaultVersionId"]
                document = iam.get_policy_version(PolicyArn=attached["PolicyArn"], VersionId=version)
                policies[role].append(document["PolicyVersion"]["Document"])
    return policies


def decisions(cases: Iterable[tuple[Sequence[Policy], Call]]) -> list[bool]:
    """Tell for each case whether the policies allow the call."""
    text = json.dumps([{"policies": list(policies), "call": call.as_document()} for policies, call in cases])
    done = subprocess.run(
        [SERVER_PYTHON, "-m", "localcloud.policy_decisions"],
        input=text, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )  # fmt: skip
    decided: list[bool] = json.loads(done.stdout)
    return decided


def granted(policies: Policies) -> set[Permission]:
    """Give every action that the policies allow, by role, as it is written there."""
    return {
        (role, action)
        for role, documents in policies.items()
        for document in documents
        for statement in document["Statement"]
        if statement["Effect"] == "Allow"
        for action in _as_list(statement["Action"])
    }


def used(calls: Iterable[Call]) -> set[Permission]:
    """Give every action that roles have used."""
    return {(call.role, call.action) for call in calls}


def without(documents: Sequence[Policy], action: str) -> list[Policy]:
    """Give policies that no longer grant an action."""
    smaller = copy.deepcopy(list(documents))
    for document in smaller:
        for statement in document["Statement"]:
            statement["Action"] = [kept for kept in _as_list(statement["Action"]) if kept != action]
        document["Statement"] = [statement for statement in document["Statement"] if statement["Action"]]
    return smaller


def explained(file: Path, permissions: Iterable[Permission]) -> set[Permission]:
    """Read which permissions may go unused: `[{"roles": [pattern], "actions": [...], "reason": "..."}]`.

    Args:
        file: the reviewed list.
        permissions: those that are granted; patterns of roles stand for the roles among them.

    Returns:
        Every role that matches, with every action of its entry.
    """
    roles = {role for role, _ in permissions}
    return {
        (role, action)
        for entry in json.loads(file.read_text())
        for role in roles
        if any(fnmatch.fnmatchcase(role, pattern) for pattern in entry["roles"])
        for action in entry["actions"]
    }


def _as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
