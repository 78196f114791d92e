"""Compare what the policies of roles allow with the calls that the roles made."""

import fnmatch
import json
import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from localcloud.cloud import SERVER_PYTHON
from localcloud.policies.calls import Call
from tools.repository import REPOSITORY
from tools.roles import Policy, statements

Policies = Mapping[str, Sequence[Policy]]
"""Role -> its policy documents."""

Permission = tuple[str, str]
"""Role and action."""


def decisions(cases: Iterable[tuple[Sequence[Policy], Call]], boundary: Policy | None = None) -> list[bool]:
    """Check for each case whether the policies allow the call, within the boundary if there is one."""
    documents: list[Policy] = [] if boundary is None else [boundary]
    indices = {id(document): index for index, document in enumerate(documents)}

    def index_of(document: Policy) -> int:
        if id(document) not in indices:
            indices[id(document)] = len(documents)
            documents.append(document)  # which also keeps its id from being used again
        return indices[id(document)]

    listed = [
        {
            "policies": [*map(index_of, policies)],
            "boundary": None if boundary is None else 0,
            "call": call.as_document(),
        }
        for policies, call in cases
    ]
    text = json.dumps({"documents": documents, "cases": listed})
    done = subprocess.run(
        [SERVER_PYTHON, "-m", "tests.infra.policy_decisions"],
        input=text, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )  # fmt: skip
    decided: list[bool] = json.loads(done.stdout)
    return decided


def granted(policies: Policies) -> set[Permission]:
    """Return every role with every action that its policies allow, as the policies spell it."""
    return {
        (role, action)
        for role, documents in policies.items()
        for document in documents
        for statement in statements(document)
        if statement["Effect"] == "Allow"
        for action in statement["Action"]
    }


def used(calls: Iterable[Call]) -> set[Permission]:
    """Return every role with every action that it used."""
    return {(call.role, call.action) for call in calls}


def without(documents: Sequence[Policy], action: str) -> list[Policy]:
    """Return policies without an action."""
    return [
        {**document, "Statement": [less for statement in statements(document) if (less := _less(statement, action))]}
        for document in documents
    ]


def _less(statement: dict[str, Any], action: str) -> dict[str, Any] | None:
    kept = [other for other in statement["Action"] if other != action]
    return {**statement, "Action": kept} if kept else None


def explained(file: Path, permissions: Iterable[Permission]) -> set[Permission]:
    """Read which permissions can remain unused: `[{"roles": [pattern], "actions": [...], "reason": "..."}]`.

    Args:
        file: the reviewed list.
        permissions: the granted permissions, whose roles the patterns match.

    Returns:
        Every matching role with every action of its entry.
    """
    roles = {role for role, _ in permissions}
    return {
        (role, action)
        for entry in json.loads(file.read_text())
        for role in roles
        if any(fnmatch.fnmatchcase(role, pattern) for pattern in entry["roles"])
        for action in entry["actions"]
    }
