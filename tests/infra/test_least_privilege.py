"""Policies allow exactly the calls that roles make, plus the permissions that a reviewed file explains.

The local cloud records every call of the first runs in `tests/local_stack.py`.
"""

import pytest

from localcloud.policies.calls import Call
from tests.infra.permissions import Policies, decisions, explained, granted, used, without
from tests.local_stack import FirstRuns, Stack
from tools.repository import REPOSITORY
from tools.roles import read_roles

REVIEWED = REPOSITORY / "tests/infra/unused_permissions.json"


@pytest.fixture(scope="module")
def policies(stack: Stack) -> Policies:
    return {role.name: role.policies for role in read_roles("local")}


def refused(policies: Policies, calls: list[Call]) -> list[Call]:
    allowed = decisions((policies[call.role], call) for call in calls)
    return [call for call, is_allowed in zip(calls, allowed, strict=True) if not is_allowed]


def test_every_recorded_call_was_allowed(first_runs: FirstRuns) -> None:
    failures = [(execution.error, execution.cause) for execution in (first_runs.etl, first_runs.ml, first_runs.again)]
    assert failures == [("", "")] * 3
    assert [call for call in first_runs.calls if not call.is_allowed] == []


def test_policies_alone_allow_every_call(first_runs: FirstRuns, policies: Policies) -> None:
    assert refused(policies, first_runs.calls) == []


def test_no_policy_allows_actions_by_a_pattern(policies: Policies) -> None:
    assert [(role, action) for role, action in sorted(granted(policies)) if "*" in action] == []


def test_exactly_the_unused_permissions_are_explained(first_runs: FirstRuns, policies: Policies) -> None:
    permissions = granted(policies)
    unused, reviewed = permissions - used(first_runs.calls), explained(REVIEWED, permissions)
    assert (sorted(unused - reviewed), sorted(reviewed - unused)) == ([], [])


def test_policy_without_an_action_denies_the_calls_that_use_it(first_runs: FirstRuns, policies: Policies) -> None:
    """Remove each used action of each role in turn."""
    cases = [
        (role, action, next(call for call in first_runs.calls if (call.role, call.action) == (role, action)))
        for role, action in sorted(used(first_runs.calls))
    ]
    allowed = decisions((without(policies[role], action), call) for role, action, call in cases)
    assert [case[:2] for case, is_allowed in zip(cases, allowed, strict=True) if is_allowed] == []
