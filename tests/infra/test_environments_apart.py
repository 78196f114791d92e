"""Roles of one environment can do nothing in another environment of the same account, with reviewed exceptions.

The test asks about each statement of each role again, with the names, tags and key of another environment.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from localcloud.policies.calls import Call
from tests.infra.permissions import Policies, decisions
from tests.local_stack import Stack
from tools.repository import REPOSITORY
from tools.roles import as_list, read_roles, statements
from tools.security_docs import Placeholders, read_placeholders, read_resource_policies

REVIEWED = REPOSITORY / "tests/infra/shared_by_environments.json"
"""What environments share, because AWS supports nothing narrower: actions, the resource, and the reason."""


@pytest.fixture(scope="module")
def own(stack: Stack) -> Placeholders:
    return read_placeholders("local")


@pytest.fixture(scope="module")
def other(own: Placeholders) -> Placeholders:
    key_arn = f"{own.key_arn.rpartition('/')[0]}/00000000-0000-0000-0000-000000000000"
    secret_arn = own.suppression_secret_arn.replace("-local-", "-prod-")
    return replace(
        own, environment="prod", key_arn=key_arn, datalake_bucket="datalake-prod", suppression_secret_arn=secret_arn
    )


@pytest.fixture(scope="module")
def policies(stack: Stack) -> Policies:
    return {role.name: role.policies for role in read_roles("local")}


def calls_of(role: str, statement: Mapping[str, Any]) -> Iterator[Call]:
    """Yield calls that a statement allows, one for each action and resource, with its conditions met."""
    tested = [one for tests in statement.get("Condition", {}).values() for one in tests.items()]
    context = {key: as_list(values)[0].replace("*", "any") for key, values in tested}
    for action in statement["Action"]:
        for resource in statement["Resource"]:
            yield Call(role, action, resource, context, is_allowed=True)


def own_calls(policies: Policies) -> list[Call]:
    return [
        call
        for role, documents in policies.items()
        for document in documents
        for statement in statements(document)
        if statement["Effect"] == "Allow"
        for call in calls_of(role, statement)
    ]


def in_other_environment(calls: Iterable[Call], own: Placeholders, other: Placeholders) -> list[Call]:
    """Return calls with the names, tags and key of another environment."""
    return [Call(**json.loads(other.fill(own.apply(json.dumps(call.as_document()))))) for call in calls]


def allowed_to_any_role(policies: Policies, calls: Sequence[Call]) -> list[Call]:
    """Return the calls that a role is allowed to make, whichever role's statement they are from."""
    documents = [document for role in policies.values() for document in role]
    return [
        call for call, allowed in zip(calls, decisions((documents, call) for call in calls), strict=True) if allowed
    ]


def test_every_statement_allows_its_calls(policies: Policies) -> None:
    """Otherwise the next test would find nothing, whatever the policies allow."""
    calls = own_calls(policies)
    assert len(calls) > 100
    decided = zip(calls, decisions((policies[call.role], call) for call in calls), strict=True)
    assert [call for call, is_allowed in decided if not is_allowed] == []


def test_roles_can_use_nothing_of_another_environment_that_is_not_reviewed(
    policies: Policies, own: Placeholders, other: Placeholders
) -> None:
    reviewed = [
        (action, entry["resource"]) for entry in json.loads(REVIEWED.read_text()) for action in entry["actions"]
    ]
    allowed = allowed_to_any_role(policies, in_other_environment(own_calls(policies), own, other))

    assert sorted({(call.action, other.apply(call.resource)) for call in allowed}) == sorted(reviewed)
    assert [entry for entry in json.loads(REVIEWED.read_text()) if not entry["reason"].endswith(".")] == []


KEY = "arn:aws:kms:us-west-2:000000000000:key/another"
HEADER = "s3:x-amz-server-side-encryption"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, True),
        ({HEADER: "aws:kms", f"{HEADER}-aws-kms-key-id": "own"}, True),
        ({HEADER: "aws:kms", f"{HEADER}-aws-kms-key-id": KEY}, False),
        ({f"{HEADER}-aws-kms-key-id": KEY}, False),
        ({HEADER: "AES256"}, False),
        ({f"{HEADER}-customer-algorithm": "AES256"}, False),
    ],
)
def test_bucket_takes_objects_under_its_own_key_only(
    own: Placeholders, headers: dict[str, str], expected: bool
) -> None:
    allow = {"Statement": [{"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}]}
    context = {header: own.key_arn if value == "own" else value for header, value in headers.items()}
    bucket = f"arn:aws:s3:::buyer-stage-ml-pipeline-{own.environment}-{own.account_id}"
    call = Call("writer", "s3:PutObject", f"{bucket}/inputs/part-0", context, is_allowed=True)

    assert decisions([([allow, read_resource_policies(own.environment)["bucket"]], call)]) == [expected]


TAGS = {"product": "buyer-stage", "environment": "local"}


@pytest.mark.parametrize(
    ("action", "request_tags", "cluster_tags", "expected"),
    [
        ("RunJobFlow", TAGS, {}, True),
        ("RunJobFlow", {**TAGS, "environment": "prod"}, {}, False),
        ("RunJobFlow", {"product": "buyer-stage"}, {}, False),
        ("AddTags", TAGS, {}, True),
        ("AddTags", TAGS, {**TAGS, "environment": "prod"}, False),
        ("AddTags", TAGS, {"product": "another"}, False),
        ("AddJobFlowSteps", {}, TAGS, True),
        ("AddJobFlowSteps", {}, {**TAGS, "environment": "prod"}, False),
        ("TerminateJobFlows", {}, {**TAGS, "environment": "prod"}, False),
        ("TerminateJobFlows", {}, {}, False),
    ],
)
def test_cluster_belongs_to_the_environment_of_its_tags(
    policies: Policies, action: str, request_tags: dict[str, str], cluster_tags: dict[str, str], expected: bool
) -> None:
    context = {f"aws:RequestTag/{key}": value for key, value in request_tags.items()}
    context |= {f"aws:ResourceTag/{key}": value for key, value in cluster_tags.items()}
    role = "buyer-stage-etl-pipeline-local"
    resource = "arn:aws:elasticmapreduce:us-west-2:000000000000:cluster/j-1"
    call = Call(role, f"elasticmapreduce:{action}", resource, context, is_allowed=True)

    assert decisions([(policies[role], call)]) == [expected]


@pytest.mark.parametrize("resource", ["bucket-*/inputs/*", "bucket-*", "*"])
def test_statement_that_covers_another_environment_is_found(
    resource: str, own: Placeholders, other: Placeholders
) -> None:
    narrow, wide = (
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{name}"}
        for name in ("bucket-local/inputs/*", resource)
    )
    calls = in_other_environment(own_calls({"role": [{"Statement": [narrow]}]}), own, other)

    assert allowed_to_any_role({"role": [{"Statement": [narrow]}]}, calls) == []
    assert allowed_to_any_role({"role": [{"Statement": [narrow, wide]}]}, calls) == calls
