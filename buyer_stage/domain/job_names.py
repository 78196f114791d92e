"""Names of paid jobs. A name derives from the work, so that whoever starts the same work again finds the job.

Which execution starts a job does not matter: a second execution, a retry or a person who starts the day again asks for
the same name. A name ends with the number of the attempt, because AWS does not allow a name twice.
"""

import hashlib

from buyer_stage.domain.errors import InvalidInputError

AUTOML_MAXIMUM_LENGTH = 32
"""Longest name of an Autopilot job, see CreateAutoMLJobV2 in the SageMaker API reference."""

DIGEST_LENGTH = 10
"""Hexadecimal digits: 40 bits. Among 10,000 works, two share a name with a probability of 0.005%."""


def job_name(environment: str, purpose: str, *work: str, attempt: int) -> str:
    """Return the name of an attempt at a work.

    Args:
        environment: name of the environment, because environments can share an account.
        purpose: what the job is for, such as `transform`. Empty for a training: Autopilot's names have no room for it.
        work: what identifies the work, such as the checksum of the rows and the model version.
        attempt: 1 for the first attempt.

    Returns:
        `buyer-stage-{environment}-{purpose}-{10 hexadecimal digits}-{attempt}`.

    Raises:
        InvalidInputError: the name is too long for an Autopilot job.
    """
    digest = hashlib.sha256("\n".join(work).encode()).hexdigest()[:DIGEST_LENGTH]
    name = "-".join(part for part in ("buyer-stage", environment, purpose, digest, str(attempt)) if part)
    if not purpose and len(name) > AUTOML_MAXIMUM_LENGTH:
        raise InvalidInputError(
            f"job name {name!r} has {len(name)} characters, and an Autopilot job's name can have "
            f"{AUTOML_MAXIMUM_LENGTH}; shorten the name of the environment"
        )
    return name
