"""The record of the AWS calls that roles have made on a local cloud."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

CALLS_FILE = "calls.jsonl"


@dataclass(frozen=True)
class Call:
    """A call.

    Attributes:
        role: name of the role that made it.
        action: as policies name it, like `s3:GetObject`.
        resource: ARN of what it was about; `*` when it names nothing.
        context: the condition keys it carried.
        is_allowed: whether the role's policies allowed it.
    """

    role: str
    action: str
    resource: str
    context: dict[str, Any] = field(hash=False)
    is_allowed: bool

    def as_document(self) -> dict[str, Any]:
        """Give the call as the record keeps it."""
        return asdict(self)


def read_calls(work_folder: Path) -> list[Call]:
    """Read the record of a local cloud, in the order of the calls."""
    record = work_folder / CALLS_FILE
    if not record.exists():
        return []
    return [Call(**json.loads(line)) for line in record.read_text().splitlines()]
