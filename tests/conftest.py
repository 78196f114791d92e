"""Fixtures that several kinds of tests share. The folder of a test is its kind."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.local_stack import FirstRuns, Stack

TESTS = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with its kind, and run the tests that remove shared state last."""
    for item in items:
        item.add_marker(item.path.relative_to(TESTS).parts[0])
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)


# Imports of the local cloud are local, because unit tests start within a second without it.
@pytest.fixture(scope="session")
def running_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Stack"]:
    """One deployed local cloud for all tests of the session."""
    from tests.local_stack import deployed_stack

    with deployed_stack(tmp_path_factory.mktemp("local_cloud")) as stack:
        yield stack


@pytest.fixture(scope="session")
def first_runs(running_stack: "Stack") -> "FirstRuns":
    """The first executions on the deployed local cloud."""
    from tests.local_stack import run_for_the_first_time

    return run_for_the_first_time(running_stack)


@pytest.fixture(scope="module")
def stack(running_stack: "Stack") -> Iterator["Stack"]:
    """The deployed local cloud, which the AWS clients of the module use."""
    from tests.local_stack import pointed_at

    with pointed_at(running_stack.cloud):
        yield running_stack
