"""Roles can do what they did in the first executions of `tests/local_stack.py`, plus what a reviewed file explains.

The local cloud lists the calls of the roles.
"""

import pytest

from localcloud.policies.calls import Call
from tests.infra.permissions import Policies, decisions, explained, granted, used, without
from tests.local_stack import FirstRuns, Stack
from tools.repository import REPOSITORY
from tools.roles import read_roles

REVIEWED = REPOSITORY / "terraform/unused_permissions.json"


@pytest.fixture(scope="module")
def policies(stack: Stack) -> Policies:
    return {role.name: role.policies for role in read_roles("local")}


def refused(policies: Policies, calls: list[Call]) -> list[Call]:
    allowed = decisions((policies[call.role], call) for call in calls)
    return [call for call, is_allowed in zip(calls, allowed, strict=True) if not is_allowed]


def test_every_call_was_allowed(first_runs: FirstRuns) -> None:
    executions = (first_runs.etl, first_runs.ml, first_runs.again)
    failures = [(execution.error, execution.cause) for execution in executions]
    assert failures == [("", "")] * 3
    assert [call for call in first_runs.calls if not call.is_allowed] == []


def test_policies_alone_allow_every_call(first_runs: FirstRuns, policies: Policies) -> None:
    assert refused(policies, first_runs.calls) == []


def test_no_policy_grants_actions_by_a_pattern(policies: Policies) -> None:
    assert [(role, action) for role, action in sorted(granted(policies)) if "*" in action] == []


def test_unused_permissions_are_exactly_those_explained(first_runs: FirstRuns, policies: Policies) -> None:
    permissions = granted(policies)
    unused, reviewed = permissions - used(first_runs.calls), explained(REVIEWED, permissions)
    assert (sorted(unused - reviewed), sorted(reviewed - unused)) == ([], [])


def test_a_policy_that_loses_an_action_refuses_the_calls_that_used_it(
    first_runs: FirstRuns, policies: Policies
) -> None:
    cases = [
        (role, action, next(call for call in first_runs.calls if (call.role, call.action) == (role, action)))
        for role, action in sorted(used(first_runs.calls))
    ]
    allowed = decisions((without(policies[role], action), call) for role, action, call in cases)
    assert [case[:2] for case, is_allowed in zip(cases, allowed, strict=True) if is_allowed] == []
