"""GitHub environments have the rules of `.github/environments.json`: only `main` deploys, and others review."""

from pathlib import Path
from typing import Any

import pytest

from tools.preflight.github import call_github, check_environment_rules
from tools.preflight.result import CannotLookError, Result, Status

REPOSITORY = "org/repository"
TEAM = {"type": "Team", "reviewer": {"slug": "platform-team"}}
REVIEWED = {"type": "required_reviewers", "reviewers": [TEAM], "prevent_self_review": True}
CUSTOM = {"protected_branches": False, "custom_branch_policies": True}


def checked(
    environment: str = "prod",
    *,
    rules: Any = (REVIEWED,),
    policy: Any = CUSTOM,
    branches: tuple[str, ...] = ("main",),
    kind: str = "branch",
    bypass: bool = False,
) -> Result:
    path = f"repos/{REPOSITORY}/environments/{environment}"
    described = {
        "protection_rules": list(rules), "deployment_branch_policy": policy, "can_admins_bypass": bypass,
    }  # fmt: skip
    answers = {
        f"repos/{REPOSITORY}": {},
        path: described,
        f"{path}/deployment-branch-policies": {"branch_policies": [{"name": name, "type": kind} for name in branches]},
    }
    (result,) = check_environment_rules(answers.get, REPOSITORY, environment)
    return result


def test_reviewed_environment_for_main_passes() -> None:
    assert checked() == Result("GitHub environment", Status.PASSED, "only main deploys to prod")


def test_dev_needs_no_reviewers() -> None:
    assert checked("dev", rules=()).status is Status.PASSED


@pytest.mark.parametrize(
    ("different", "finding"),
    [
        ({"policy": None}, "every branch can deploy to prod, not only main"),
        (
            {"policy": {**CUSTOM, "custom_branch_policies": False}},
            "every protected branch can deploy to prod, not only main",
        ),
        ({"branches": ("main", "release/*")}, "main, release/* can deploy to prod, not only main"),
        ({"kind": "tag"}, "tag main can deploy to prod, not only main"),
        ({"bypass": True}, "administrators can bypass the rules of prod"),
        ({"rules": ()}, "prod has the reviewers none, not Team platform-team"),
        (
            {"rules": ({**REVIEWED, "reviewers": [{"type": "User", "reviewer": {"login": "one"}}]},)},
            "prod has the reviewers User one, not Team platform-team",
        ),
        ({"rules": ({**REVIEWED, "prevent_self_review": False},)}, "prod allows self-review"),
    ],
)
def test_weaker_rules_fail(different: dict[str, Any], finding: str) -> None:
    result = checked(**different)
    assert (result.status, result.finding) == (Status.FAILED, finding)


def test_missing_environment_fails() -> None:
    (result,) = check_environment_rules({f"repos/{REPOSITORY}": {}}.get, REPOSITORY, "qa")
    assert (result.status, result.finding) == (Status.FAILED, "org/repository has no qa")


def test_repository_that_cannot_be_read_is_unknown() -> None:
    with pytest.raises(CannotLookError, match="no access to the repository org/repository"):
        list(check_environment_rules({}.get, REPOSITORY, "qa"))


def install_gh(folder: Path, script: str) -> None:
    program = folder / "gh"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_github_cli_answers(path: Path) -> None:
    install_gh(path, """echo "{\\"path\\": \\"$2\\"}" """)
    assert call_github("repos/org/repository") == {"path": "repos/org/repository"}


def test_path_that_does_not_exist_answers_none(path: Path) -> None:
    install_gh(path, "echo 'gh: Not Found (HTTP 404)' >&2; exit 1")
    assert call_github("repos/org/repository") is None


def test_change_that_github_hides_is_an_error(path: Path) -> None:
    install_gh(path, "echo 'gh: Not Found (HTTP 404)' >&2; exit 1")
    with pytest.raises(CannotLookError, match="Not Found"):
        call_github("repos/org/repository", "PUT", {})


def test_github_that_refuses_is_unknown(path: Path) -> None:
    install_gh(path, "echo 'gh: Bad credentials (HTTP 401)' >&2; exit 1")
    with pytest.raises(CannotLookError, match="Bad credentials"):
        call_github("repos/org/repository")


@pytest.mark.usefixtures("path")
def test_missing_github_cli_is_unknown() -> None:
    with pytest.raises(CannotLookError, match="not installed"):
        call_github("repos/org/repository")
