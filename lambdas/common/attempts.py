"""Finds the attempts at a paid job by their names, so that finished work is reused and running work is joined."""

import itertools
from collections.abc import Callable, Iterator
from typing import TypeVar

JobT = TypeVar("JobT")


def find_attempts(name: Callable[[int], str], describe: Callable[[str], JobT], not_found: type[Exception]) -> list[JobT]:
    """Return the descriptions of all attempts at a work, the first attempt first.

    Args:
        name: returns the job name of an attempt, which counts from 1.
        describe: returns the description of the job with a name.
        not_found: what `describe` raises when there is no such job.
    """

    def found() -> Iterator[JobT]:
        for attempt in itertools.count(1):
            try:
                yield describe(name(attempt))
            except not_found:
                return

    return list(found())
