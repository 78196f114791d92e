"""Job names that derive from the execution, so that a retry finds the job that it has started."""

import hashlib

from buyer_stage.domain.errors import InvalidInputError

MAXIMUM_LENGTH = 32
"""Limit of an Autopilot job's name."""

DIGEST_LENGTH = 10
"""Hexadecimal digits: 40 bits, which keeps thousands of executions apart."""


def job_name(purpose: str, execution_name: str) -> str:
    """Return the name of an execution's job.

    Args:
        purpose: what the job is for, up to 21 letters, digits and dashes, such as `buyer-stage-automl`.
        execution_name: name of the Step Functions execution, up to 80 characters.

    Returns:
        `{purpose}-{10 hexadecimal digits}`, at most 32 characters.

    Raises:
        InvalidInputError: the purpose is too long.
    """
    name = f"{purpose}-{hashlib.sha256(execution_name.encode()).hexdigest()[:DIGEST_LENGTH]}"
    if len(name) > MAXIMUM_LENGTH:
        raise InvalidInputError(
            f"job name {name!r} has {len(name)} characters; shorten the purpose {purpose!r} to "
            f"{MAXIMUM_LENGTH - DIGEST_LENGTH - 1} characters or fewer"
        )
    return name
