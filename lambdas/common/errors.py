"""Names for the errors that the state machines decide on.

In Lambda, the name of a botocore error says little: throttling and a denied permission are both a `ClientError`.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as AwsConnectionError
from pydantic import ValidationError

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
"""Error codes that ask the caller to try again later, whatever the HTTP status."""


class TransientAwsError(Exception):
    """AWS throttled the call, failed or could not be reached; the same call can succeed later.

    Not a `BuyerStageError`: the state machines retry this one.
    """


@contextmanager
def named_errors() -> Iterator[None]:
    """Raise transient AWS errors under a name of their own, and every other error unchanged.

    Raises:
        TransientAwsError: the same call can succeed later.
    """
    try:
        yield
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if status >= 500 or error.response["Error"]["Code"] in TRANSIENT_ERROR_CODES:
            raise TransientAwsError(str(error)) from error
        raise
    except (AwsConnectionError, HTTPClientError) as error:
        raise TransientAwsError(str(error)) from error


def problems(error: ValidationError) -> str:
    """Return what pydantic rejected, in one line and without the values: some come from the environment."""
    return "; ".join(
        f"{'.'.join(str(part) for part in problem['loc']) or 'document'}: {problem['msg']}"
        for problem in error.errors()
    )


def is_client_error(error: ClientError, code: str, message_part: str) -> bool:
    """Check whether AWS rejected a call for one reason, where the service has no exception class for it."""
    details = error.response["Error"]
    return details["Code"] == code and message_part.lower() in details["Message"].lower()
