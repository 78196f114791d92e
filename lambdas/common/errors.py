"""Names for the errors that the state machines decide on.

In Lambda, the name of a botocore error says little: throttling and a denied permission are both a `ClientError`.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as AwsConnectionError
from pydantic import ValidationError

from buyer_stage.domain.failures import without_values

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

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
    """AWS throttled the call, failed, could not be reached or was not up to date; the same call can succeed later.

    Not a `BuyerStageError`: the state machines retry this one.
    """


@contextmanager
def named_errors() -> Iterator[None]:
    """Raise transient AWS errors under a name of their own, and every other error as `without_values` does.

    The functions send no member id to AWS, so the messages of AWS can be shown.

    Raises:
        TransientAwsError: the same call can succeed later.
        UnexpectedError: an error that the product did not raise on purpose.
    """
    try:
        with without_values(ClientError, AwsConnectionError, HTTPClientError, TransientAwsError):
            yield
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if status >= 500 or error.response["Error"]["Code"] in TRANSIENT_ERROR_CODES:
            raise TransientAwsError(str(error)) from None
        raise
    except (AwsConnectionError, HTTPClientError) as error:
        raise TransientAwsError(str(error)) from None


def problems(error: ValidationError, schema: dict[str, Any] | None = None) -> str:
    """Return what pydantic rejected, in one line and without the values: some come from the environment.

    Args:
        error: the error.
        schema: JSON schema of a document that can have member ids as keys: a key that is not in the schema becomes `*`.
    """
    models = [] if schema is None else [schema, *schema.get("$defs", {}).values()]
    names = {name for model in models for name in model.get("properties", {})}

    def describe(problem: "ErrorDetails") -> str:
        parts = (str(part) if schema is None or part in names else "*" for part in problem["loc"])
        return f"{'.'.join(parts) or 'document'}: {problem['msg']}"

    counts = Counter(describe(problem) for problem in error.errors())
    return "; ".join(f"{text} ({count} times)" if count > 1 else text for text, count in counts.items())


def is_client_error(error: ClientError, code: str, message_part: str) -> bool:
    """Check whether AWS rejected a call for one reason, where the service has no exception class for it."""
    details = error.response["Error"]
    return details["Code"] == code and message_part.lower() in details["Message"].lower()
