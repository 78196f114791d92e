"""Names of paid jobs. A name derives from the work, so that whoever starts the same work again finds the job.

Which execution starts a job does not matter: a second execution, a retry or a person who starts the day again asks for
the same name. A name ends with the number of the attempt, because AWS does not allow a name twice.
"""

import hashlib

from buyer_stage.domain.errors import InvalidInputError

KEPT_BY_AUTOPILOT = 10
"""Characters of its name that Autopilot keeps in the names of the jobs that it starts, as older walkthroughs show. A
prefix of this length also keeps the whole name below Autopilot's limit of 32."""

DIGEST_LENGTH = 10
"""Hexadecimal digits: 40 bits. Among 10,000 works, two share a name with a probability of 0.005%."""


def job_prefix(environment: str) -> str:
    """Return how the names of an environment's SageMaker jobs and models start.

    Roles have permissions for names with their environment's prefix, because environments can share an account.
    Autopilot must keep the whole prefix, so the product's full name has no room.

    Raises:
        InvalidInputError: the name of the environment is too long.
    """
    prefix = f"buy-{environment}-"
    if len(prefix) > KEPT_BY_AUTOPILOT:
        raise InvalidInputError(
            f"prefix {prefix!r} of job names has {len(prefix)} characters, and Autopilot keeps {KEPT_BY_AUTOPILOT}; "
            "shorten the name of the environment"
        )
    return prefix


def job_name(environment: str, purpose: str, *work: str, attempt: int) -> str:
    """Return the name of an attempt at a work.

    Args:
        environment: name of the environment.
        purpose: what the job is for, such as `transform`. Empty for a training: Autopilot's names have no room for it.
        work: what identifies the work, such as the checksum of the rows and the model version.
        attempt: 1 for the first attempt.

    Returns:
        `buy-{environment}-{purpose}-{10 hexadecimal digits}-{attempt}`.

    Raises:
        InvalidInputError: the name of the environment is too long.
    """
    digest = hashlib.sha256("\n".join(work).encode()).hexdigest()[:DIGEST_LENGTH]
    return job_prefix(environment) + "-".join(part for part in (purpose, digest, str(attempt)) if part)
