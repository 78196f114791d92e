"""The result of a check, and how a check that cannot look becomes one."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from botocore.exceptions import BotoCoreError, ClientError

Check = Callable[[], Iterable["Result"]]
"""Looks at one thing, or at several of a kind."""

ACCESS_DENIED = {"403", "AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation"}
"""Codes with which services refuse a caller. HEAD requests have no body, only a status."""


class Status(StrEnum):
    """What a check found. Unknown means that it could not look; it is not a failure."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Result:
    """What a check found.

    Attributes:
        check: name of the check.
        status: whether it passed.
        finding: what is there, or what is wrong.
        fix: what to do about it, in one line; empty when the check passed.
    """

    check: str
    status: Status
    finding: str
    fix: str = ""


class CannotLookError(Exception):
    """A check cannot look.

    Attributes:
        fix: what would let it look, in one line.
    """

    def __init__(self, finding: str, fix: str) -> None:
        super().__init__(finding)
        self.fix = fix


class NotDeployedError(CannotLookError):
    """A check looks at what the first apply creates."""

    def __init__(self, environment: str) -> None:
        super().__init__("not deployed yet", f"run `make apply ENV={environment}` first, then preflight again")


def passed(check: str, finding: str) -> Result:
    """Return the result of a check that passed."""
    return Result(check, Status.PASSED, finding)


def failed(check: str, finding: str, fix: str) -> Result:
    """Return the result of a check that failed."""
    return Result(check, Status.FAILED, finding, fix)


def judged(check: str, problems: Iterable[str], finding: str, fix: str) -> Result:
    """Return a failure with its problems, or, without problems, what was found."""
    listed = list(problems)
    return failed(check, "; ".join(listed), fix) if listed else passed(check, finding)


def run(name: str, check: Check) -> Iterator[Result]:
    """Yield the results of a check; one unknown result when it cannot look.

    Args:
        name: name of the check when it cannot look.
        check: the check.
    """
    try:
        yield from check()
    except CannotLookError as error:
        yield Result(name, Status.UNKNOWN, str(error), error.fix)
    except ClientError as error:
        code, call = error.response["Error"]["Code"], error.operation_name
        if code in ACCESS_DENIED:
            yield Result(name, Status.UNKNOWN, f"no permission for {call}", f"use credentials that allow {call}")
        else:
            message = " ".join(error.response["Error"].get("Message", "").split())
            yield Result(name, Status.UNKNOWN, f"{call} answers {code} {message}".rstrip(), "run preflight again later")
    except BotoCoreError as error:
        yield Result(name, Status.UNKNOWN, " ".join(str(error).split()), "check the credentials and the network")
