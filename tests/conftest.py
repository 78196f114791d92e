"""Fixtures that several kinds of tests share. The folder of a test is its kind."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.local_stack import FirstRuns, Stack

TESTS = Path(__file__).parent

GROUP_OF_FIXTURE = {"running_stack": "local-cloud", "spark": "spark"}
"""Fixture -> group of the tests that share it: with pytest-xdist, a group runs in one process, in order.

The groups start in this order, before the other tests: the longest first."""

GROUPED_BY_FILE = ("training", "infra", "browser")
"""Kinds of tests whose files set up something that takes seconds."""


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with its kind and group; run shared fixtures' groups first, and what removes shared state last."""
    order = list(GROUP_OF_FIXTURE.values())
    ranks = {}
    for item in items:
        kind = item.path.relative_to(TESTS).parts[0]
        item.add_marker(kind)
        if group := group_of(item, kind):
            item.add_marker(pytest.mark.xdist_group(group))
        rank = order.index(group) if group in order else len(order)
        ranks[item] = (rank, item.get_closest_marker("last") is not None)
    items.sort(key=ranks.__getitem__)


def group_of(item: pytest.Item, kind: str) -> str | None:
    """Return the group of a test, or None when it can run in any process."""
    fixtures = item.fixturenames if isinstance(item, pytest.Function) else []
    for fixture, group in GROUP_OF_FIXTURE.items():
        if fixture in fixtures:
            return group
    return item.path.stem if kind in GROUPED_BY_FILE else None


# Imported where needed: unit tests start faster without the local cloud.
@pytest.fixture(scope="session")
def running_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Stack"]:
    """One local cloud for all tests that need one. Executions can run, and Terraform applies what they do not need."""
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

    running_stack.deployment.applied.result()
    with pointed_at(running_stack.cloud):
        yield running_stack
