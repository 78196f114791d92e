"""The list of the AWS calls that roles made on a local cloud."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

CALLS_FILE = "calls.jsonl"


@dataclass(frozen=True)
class Call:
    """A call that a role made.

    Attributes:
        role: name of the role.
        action: the action as policies spell it, for example `s3:GetObject`.
        resource: ARN of the resource, or `*` when the call names none.
        context: the condition keys of the call.
        is_allowed: whether the policies of the role allowed the call.
    """

    role: str
    action: str
    resource: str
    context: dict[str, Any] = field(hash=False)
    is_allowed: bool

    def as_document(self) -> dict[str, Any]:
        """Return the call as one line of the list holds it."""
        return asdict(self)


def read_calls(work_folder: Path) -> list[Call]:
    """Read the calls of a local cloud, oldest first."""
    file = work_folder / CALLS_FILE
    if not file.exists():
        return []
    return [Call(**json.loads(line)) for line in file.read_text().splitlines()]
