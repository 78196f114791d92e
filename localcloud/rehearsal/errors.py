"""The error of a rehearsal."""

import contextlib
from collections.abc import Iterator


class RehearsalError(Exception):
    """A workflow fails, or contains something that the rehearsal does not interpret; the message says where."""


@contextlib.contextmanager
def located(place: str) -> Iterator[None]:
    """Put the place in front of the message of an error in the block."""
    try:
        yield
    except RehearsalError as error:
        raise RehearsalError(f"{place}: {error}") from error
