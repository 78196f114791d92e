"""A workflow applies only saved plans, and a state is never in a bucket of another account."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tools import terraform
from tools.repository import REPOSITORY
from tools.terraform import TerraformError, Workspace, require_own, require_shown_plan, state_bucket


def test_workflow_applies_only_a_saved_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    monkeypatch.setattr(terraform, "require", lambda _: None)

    with pytest.raises(SystemExit, match=r"A workflow changes qa only by a saved plan that an approver has seen"):
        terraform.main(["apply", "--environment", "qa"])


@pytest.mark.parametrize(
    ("ci", "environment", "plan"), [("", "qa", None), ("true", "local", None), ("true", "qa", Path("qa.tfplan"))]
)
def test_people_the_local_cloud_and_saved_plans_are_allowed(
    monkeypatch: pytest.MonkeyPatch, ci: str, environment: str, plan: Path | None
) -> None:
    monkeypatch.setenv("CI", ci)
    require_shown_plan(environment, plan)


def test_bucket_of_a_stranger_or_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    expected: list[Any] = []
    with mock_aws():
        s3 = boto3.client("s3")
        s3.meta.events.register("before-parameter-build.s3.HeadBucket", lambda params, **_: expected.append(params))
        monkeypatch.setattr(boto3, "client", lambda _: s3)
        with pytest.raises(TerraformError, match=r"account 123456789012 has no bucket .* \(404\)"):
            require_own("buyer-stage-terraform-state-dev-123456789012")
        s3.create_bucket(
            Bucket="buyer-stage-terraform-state-dev-123456789012",
            CreateBucketConfiguration={"LocationConstraint": "us-west-2"},
        )
        require_own("buyer-stage-terraform-state-dev-123456789012")

    assert {call["ExpectedBucketOwner"] for call in expected} == {"123456789012"}


@pytest.mark.parametrize("environment", ["dev", "qa", "prod"])
def test_no_placeholder_is_a_bucket_that_a_stranger_can_own(environment: str) -> None:
    """S3's naming rules reserve the prefix amzn-s3-demo- for documentation."""
    folder = REPOSITORY / "terraform/environments"
    texts = [(folder / f"{environment}.{kind}").read_text() for kind in ("tfvars", "s3.tfbackend")]
    named = [bucket for text in texts for bucket in re.findall(r'bucket += "([^"]+)"', text)]

    assert named == [f"amzn-s3-demo-datalake-{environment}"]


def test_state_is_in_the_bucket_of_the_bootstrap(monkeypatch: pytest.MonkeyPatch) -> None:
    (name,) = re.findall(r'state_bucket += "(.+)"', (REPOSITORY / "terraform/bootstrap/locals.tf").read_text())
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    with mock_aws():
        bucket = state_bucket("qa")

    assert bucket == name.replace("${var.environment}", "qa").replace("${local.account_id}", "123456789012")


def fake_terraform(folder: Path, events: list[dict[str, Any]], exit_code: int) -> Path:
    """Write a program that reports events and ends."""
    program = folder / "terraform"
    lines = "\n".join(json.dumps(event) for event in events)
    program.write_text(
        f"#!{sys.executable}\nprint({lines!r})\nprint('crash', file=__import__('sys').stderr)\nexit({exit_code})\n"
    )
    program.chmod(0o700)
    return program


def event(message: str, **more: Any) -> dict[str, Any]:
    return {"@level": "info", "@message": message, "@timestamp": "2026-11-30T20:00:00Z", "type": "log", **more}


@pytest.mark.parametrize("exit_code", [0, 1])
def test_events_are_those_of_terraform_whose_failure_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, exit_code: int
) -> None:
    refused = {"severity": "error", "summary": "creating S3 Bucket", "detail": "AccessDenied for x"}
    reported = [event("Terraform 1.11"), event("Error: creating S3 Bucket", type="diagnostic", diagnostic=refused)]
    program = fake_terraform(tmp_path, reported, exit_code)
    monkeypatch.setattr(terraform, "find_terraform", lambda: program)
    workspace = Workspace("local", tmp_path, tmp_path / "deploy.log")
    events = workspace.apply_events(parallelism=30)

    assert [next(events), next(events)] == reported
    if exit_code == 0:
        assert list(events) == []
    else:
        with pytest.raises(TerraformError, match=r"environment local: creating S3 Bucket. AccessDenied for x"):
            next(events)
    log = (tmp_path / "deploy.log").read_text()
    assert "Terraform 1.11" in log
    assert "AccessDenied for x" in log
    assert "crash" in log
