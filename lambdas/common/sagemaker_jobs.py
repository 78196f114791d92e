"""What the functions that wait for SageMaker jobs have in common."""

from dataclasses import dataclass

UNFINISHED_STATUSES = frozenset({"InProgress", "Stopping"})
"""Statuses of a job that ends by itself."""


@dataclass(frozen=True)
class JobStatus:
    """`InProgress` or `Completed`; any other status is an error."""

    status: str
