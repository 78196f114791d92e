"""What a program shows when it fails: which error and where, but never a value of a row.

Tracebacks, logs, traces and notifications repeat the message of an error. The messages of other libraries, which can be
the causes of our errors, can quote a row: the key of a `KeyError`, the input of a parser.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from traceback import walk_tb

from buyer_stage.domain.errors import BuyerStageError

OUR_PACKAGES = frozenset({"__main__", "buyer_stage", "emr_steps", "glue", "lambdas"})


class UnexpectedError(Exception):
    """An error that the product did not raise on purpose; its message names the original error, without its message.

    Not a `BuyerStageError`: repeating can help.
    """


@contextmanager
def without_values(
    *trusted: type[Exception], name: Callable[[Exception], str] = lambda error: type(error).__name__
) -> Iterator[None]:
    """Raise errors of the product without their causes, and every other error without its message.

    Args:
        trusted: further errors whose messages are safe to show.
        name: returns what to call another error.

    Raises:
        UnexpectedError: an error that is neither raised on purpose nor trusted. The traceback stays.
    """
    shown: tuple[type[Exception], ...] = (BuyerStageError, *trusted)
    try:
        yield
    except shown as error:
        raise error from None
    except Exception as error:
        places = [(frame.f_globals.get("__name__", ""), line) for frame, line in walk_tb(error.__traceback__)]
        module, line = [place for place in places if place[0].partition(".")[0] in OUR_PACKAGES][-1]
        text = f"{name(error)} in {module}, line {line}; its message could name a member, so it is not shown"
        raise UnexpectedError(text).with_traceback(error.__traceback__) from None
