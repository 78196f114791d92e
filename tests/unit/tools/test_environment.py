"""Tests of what a command reaches, and of what a process of the local cloud inherits."""

from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.foreign_shell import REAL_KEY, TOKEN_NAME, foreign_variables
from tools import environment

ELSEWHERE = "http://elsewhere.example"
LOCAL_CLOUD = "http://127.0.0.1:4566"
LOCAL = {
    "AWS_ENDPOINT_URL": LOCAL_CLOUD,
    "AWS_ACCESS_KEY_ID": "LOCALCLOUD0000000000",
    "AWS_SECRET_ACCESS_KEY": "random",
}


@pytest.fixture
def variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The variables of this process, which lead elsewhere."""
    own = {"PATH": "/bin", "JAVA_HOME": "/java", "LC_ALL": "C", "TF_VAR_owner": "team", "COVERAGE_FILE": "file"}
    found = own | foreign_variables(tmp_path, ELSEWHERE)
    monkeypatch.setattr(environment.os, "environ", found)
    return found


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({}, "AWS_ENDPOINT_URL"),
        ({"AWS_ENDPOINT_URL": ""}, "AWS_ENDPOINT_URL"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1.elsewhere.example:4566"}, "AWS_ENDPOINT_URL"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1@elsewhere.example"}, "AWS_ENDPOINT_URL"),
        ({"AWS_ENDPOINT_URL": LOCAL_CLOUD}, "AWS_ACCESS_KEY_ID"),
    ],
)
def test_local_is_refused_unless_endpoint_and_key_are_the_local_clouds(
    variables: dict[str, str], changed: dict[str, str], reason: str
) -> None:
    variables |= changed
    with pytest.raises(SystemExit, match=f"environment local, but {reason}"):
        environment.require("local")


def test_local_keeps_nothing_that_leads_elsewhere(variables: dict[str, str]) -> None:
    variables |= LOCAL
    environment.require("local")
    assert ELSEWHERE not in variables.values()
    assert REAL_KEY not in variables.values()
    assert {name for name in variables if name.startswith("AWS_")} == {*LOCAL, *environment.WITHOUT_PROFILE}


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"AWS_ENDPOINT_URL": LOCAL_CLOUD}, "AWS_ENDPOINT_URL is the address of a local cloud"),
        (
            {"AWS_ENDPOINT_URL": ELSEWHERE, "AWS_ENDPOINT_URL_S3": "http://localhost:1"},
            "AWS_ENDPOINT_URL_S3 is",
        ),
        ({"AWS_ACCESS_KEY_ID": LOCAL["AWS_ACCESS_KEY_ID"]}, "AWS_ACCESS_KEY_ID is a key of a local cloud"),
        ({environment.STAND_IN: LOCAL_CLOUD}, "of account"),
        ({environment.STAND_IN: "http://127.0.0.1:1", **LOCAL}, "AWS_ENDPOINT_URL is the address of a local cloud"),
    ],
)
def test_other_environments_refuse_a_local_cloud(
    variables: dict[str, str], changed: dict[str, str], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in list(variables):
        if name.startswith("AWS_"):
            del variables[name]
    variables |= {"AWS_ACCESS_KEY_ID": REAL_KEY, "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-west-2"} | changed
    monkeypatch.setattr(boto3, "client", lambda _: FakeSts("https://sts.us-west-2.amazonaws.com", "000000000000"))
    with pytest.raises(SystemExit, match=f"environment prod, but .*{reason}"):
        environment.require("prod")


class FakeSts:
    def __init__(self, endpoint_url: str, account: str) -> None:
        self.meta, self.endpoint_url, self.account = self, endpoint_url, account

    def get_caller_identity(self) -> dict[str, Any]:
        return {"Account": self.account}


def test_a_profile_with_a_local_endpoint_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment.os, "environ", {})
    monkeypatch.setattr(boto3, "client", lambda _: FakeSts(LOCAL_CLOUD, "123456789012"))
    with pytest.raises(SystemExit, match="the AWS profile has the endpoint of a local cloud"):
        environment.require("prod")


@mock_aws
def test_an_account_of_aws_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", environment.STAND_IN, "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    environment.require("prod")


def test_a_local_cloud_that_stands_in_is_accepted_and_nothing_else_is_reached(variables: dict[str, str]) -> None:
    variables |= LOCAL | {environment.STAND_IN: LOCAL_CLOUD}
    environment.require("prod")
    assert ELSEWHERE not in variables.values()


def test_processes_inherit_only_what_is_listed(variables: dict[str, str]) -> None:
    inherited = environment.inherited(variables)
    assert inherited.keys() == {"PATH", "JAVA_HOME", "LC_ALL", "TF_VAR_owner", "COVERAGE_FILE"}


def test_terraform_gets_only_the_local_clouds_variables(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "_PROXIES_AT_START", {"HTTPS_PROXY": ELSEWHERE})
    assert environment.for_terraform("apply") == variables  # not on the local cloud: what the user has
    variables |= LOCAL
    given = environment.for_terraform("apply")
    assert TOKEN_NAME not in given
    assert {name for name in given if environment.is_foreign(name)} == {
        *LOCAL, *environment.WITHOUT_PROFILE, *environment.WITHOUT_PROXY
    }  # fmt: skip
    assert environment.for_terraform("init") == {**given, "HTTPS_PROXY": ELSEWHERE}
