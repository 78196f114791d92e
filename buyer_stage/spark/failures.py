"""What a Spark program shows when it fails."""

from collections.abc import Iterator
from contextlib import contextmanager

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException

from buyer_stage.domain.failures import without_values


@contextmanager
def without_values_of_rows() -> Iterator[None]:
    """Raise errors as `without_values` does, and also name what failed in Java.

    Raises:
        UnexpectedError: an error that the product did not raise on purpose.
    """
    with without_values(name=_name):
        yield


def _name(error: Exception) -> str:
    if isinstance(error, PySparkException):
        return f"{type(error).__name__} [{error.getErrorClass() or 'without an error class'}]"
    if isinstance(error, Py4JJavaError):
        names, cause = [], error.java_exception
        while cause is not None:
            names.append(cause.getClass().getName())
            cause = cause.getCause()
        return " caused by ".join(names)
    return type(error).__name__
