"""The command prints a line per result with its fix, and only a failure is an error."""

import io
from collections.abc import Iterator
from datetime import UTC, datetime

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from moto import mock_aws
from rich.console import Console

from tools.preflight import __main__ as command
from tools.preflight.result import Result, Status, failed, passed, run
from tools.terraform_variables import read_variables

NOW = datetime(2026, 5, 22, 18, tzinfo=UTC)
DEPLOYED = ("definitions", "subscriptions", "deliveries", "permissions")


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An AWS account in which nothing is deployed."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        boto3.setup_default_session(region_name="us-west-2")
        yield
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)


def denied(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no  way"}}, "ListThings")


@pytest.mark.usefixtures("account")
def test_checks_of_a_deployed_environment_are_unknown_before_the_first_apply() -> None:
    checks = command.checks("dev", read_variables("dev"), "us-west-2", NOW)
    found = [result for name in DEPLOYED for result in run(name, checks[name])]
    assert [result.check for result in found] == list(DEPLOYED)
    assert {(result.status, result.finding) for result in found} == {(Status.UNKNOWN, "not deployed yet")}
    assert {result.fix for result in found} == {"run `make apply ENV=dev` first, then preflight again"}


@pytest.mark.usefixtures("account")
def test_checks_before_the_first_apply_need_only_the_account() -> None:
    checks = command.checks("dev", read_variables("dev"), "us-west-2", NOW)
    names = ["account", "Region", "state bucket", "code bucket", "data lake", "survey"]
    found = {result.check: result.status for name in names for result in run(name, checks[name])}
    assert found == {
        **dict.fromkeys(names, Status.FAILED), "account": Status.PASSED, "Region": Status.PASSED,
    }  # fmt: skip


def test_environment_local_leaves_out_what_the_local_cloud_lacks() -> None:
    checks = {name: lambda: iter([failed("looked", "", "")]) for name in command.LOCAL_CLOUD_LACKS}
    assert {result.status for result in command.results("local", checks)} == {Status.UNKNOWN}
    assert {result.status for result in command.results("dev", checks)} == {Status.FAILED}


def test_local_cloud_lacks_only_known_checks() -> None:
    assert command.LOCAL_CLOUD_LACKS.keys() <= command.checks("dev", read_variables("dev"), None, NOW).keys()


@pytest.mark.parametrize(
    ("error", "finding", "fix"),
    [
        (denied("AccessDenied"), "no permission for ListThings", "use credentials that allow ListThings"),
        (denied("Throttling"), "ListThings answers Throttling no way", "run preflight again later"),
        (
            EndpointConnectionError(endpoint_url="https://example.com"),
            'Could not connect to the endpoint URL: "https://example.com"',
            "check the credentials and the network",
        ),
    ],
)
def test_check_that_cannot_look_is_unknown(error: Exception, finding: str, fix: str) -> None:
    def check() -> Iterator[Result]:
        yield passed("first", "fine")
        raise error

    assert list(run("things", check)) == [
        Result("first", Status.PASSED, "fine"),
        Result("things", Status.UNKNOWN, finding, fix),
    ]


def test_fix_stands_below_the_finding() -> None:
    console = Console(file=io.StringIO(), width=40)
    command.show(console, passed("account", "123456789012"))
    command.show(console, failed("survey", "is missing from a place with a rather long name", "upload it"))
    assert console.file.getvalue().splitlines() == [  # type: ignore[attr-defined]
        "passed   account                123456789012",
        "failed   survey                 is missing from a place with a rather long name",
        "         fix: upload it",
    ]


@pytest.mark.parametrize(
    ("statuses", "exit_code", "summary"),
    [
        ([Status.PASSED, Status.UNKNOWN], 0, "1 passed, 0 failed, 1 unknown"),
        ([Status.PASSED, Status.FAILED], 1, "1 passed, 1 failed, 0 unknown"),
    ],
)
def test_only_a_failure_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    statuses: list[Status],
    exit_code: int,
    summary: str,
) -> None:
    monkeypatch.setattr("sys.argv", ["preflight", "--environment", "dev"])
    monkeypatch.setattr(command, "require", lambda _: None)
    monkeypatch.setattr(command, "results", lambda *_: [Result("check", status, "") for status in statuses])
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert ended.value.code == exit_code
    assert capsys.readouterr().out.splitlines()[-1] == summary
