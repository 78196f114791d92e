"""A policy allows a service only what its statements say, under conditions that the service can meet."""

from typing import Any

import pytest

from tools.deliveries import Permission, allows

ALARM = Permission(
    "cloudwatch.amazonaws.com", "key", ("kms:Decrypt", "kms:GenerateDataKey"), "", {"aws:SourceAccount": "{account}"}
)
STATEMENT = {
    "Effect": "Allow",
    "Principal": {"Service": ["budgets.amazonaws.com", "cloudwatch.amazonaws.com"]},
    "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
    "Resource": "*",
    "Condition": {"StringEquals": {"AWS:SourceAccount": "123456789012"}},
}
DENIAL = {"Effect": "Deny", "Principal": "*", "Action": "kms:*", "Resource": "*"}


def is_allowed(*statements: dict[str, Any]) -> bool:
    return allows({"Version": "2012-10-17", "Statement": list(statements)}, ALARM, "123456789012", "us-west-2")


def test_statement_that_names_the_service_and_its_account_allows_the_delivery() -> None:
    assert is_allowed(STATEMENT)


@pytest.mark.parametrize(
    "damage",
    [
        {"Principal": {"Service": "events.amazonaws.com"}},
        {"Principal": {"AWS": "arn:aws:iam::123456789012:root"}},
        {"Action": "kms:Decrypt"},
        {"Condition": {"StringEquals": {"aws:SourceAccount": "210987654321"}}},
        {"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}},
    ],
)
def test_statement_that_the_service_does_not_meet_allows_nothing(damage: dict[str, Any]) -> None:
    assert not is_allowed({**STATEMENT, **damage})


@pytest.mark.parametrize(("is_secure", "expected"), [("true", False), ("false", True)])
def test_denial_wins_where_its_condition_is_met(is_secure: str, expected: bool) -> None:
    denial = {**DENIAL, "Condition": {"Bool": {"aws:SecureTransport": is_secure}}}

    assert is_allowed(STATEMENT, denial) is expected
