"""Names for the errors that the state machines decide on.

In Lambda, a botocore error's name says little: throttling and a denied permission are both a `ClientError`.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as AwsConnectionError
from pydantic import ValidationError

from buyer_stage.domain.errors import InvalidInputError

TRANSIENT_ERROR_CODES = frozenset(
    {
        "RequestLimitExceeded",
        "RequestTimeout",
        "RequestTimeoutException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
"""Codes by which AWS says "later", whatever the HTTP status."""


class TransientAwsError(Exception):
    """AWS was throttling, failing or out of reach; the same call may well succeed later.

    Not a `BuyerStageError`: this one is retried.
    """


@contextmanager
def named_errors() -> Iterator[None]:
    """Give transient errors of AWS and refused events a name of their own; as a decorator, outside `event_parser`.

    Everything else passes unchanged.

    Raises:
        TransientAwsError: waiting may mend it.
        InvalidInputError: the event is not what the function's model says.
    """
    try:
        yield
    except ValidationError as error:
        raise InvalidInputError(f"event: {problems(error)}") from error
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if status >= 500 or error.response["Error"]["Code"] in TRANSIENT_ERROR_CODES:
            raise TransientAwsError(str(error)) from error
        raise
    except (AwsConnectionError, HTTPClientError) as error:
        raise TransientAwsError(str(error)) from error


def problems(error: ValidationError) -> str:
    """Give what pydantic refused in one line and without the values: some come from the environment."""
    return "; ".join(
        f"{'.'.join(str(part) for part in problem['loc']) or 'all of it'}: {problem['msg']}"
        for problem in error.errors()
    )


def is_client_error(error: ClientError, code: str, message_part: str) -> bool:
    """Tell whether AWS refused a call for one reason, where the service has no exception class for it."""
    details = error.response["Error"]
    return details["Code"] == code and message_part.lower() in details["Message"].lower()
