"""Check the rules of the GitHub environments, which keep other branches from the apply role."""

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from tools.preflight.result import CannotLookError, Result, failed, judged
from tools.repository import REPOSITORY

FIX = "run `make github-environments`"


class Api(Protocol):
    """GitHub's REST API."""

    def __call__(self, path: str, method: str = "GET", body: Mapping[str, Any] | None = None, /) -> Any:
        """Return what GitHub answers to a request; None when there is nothing at the path."""


def read_rules() -> dict[str, dict[str, Any]]:
    """Return the rules of each GitHub environment: the branches that can deploy, and the reviewers."""
    rules: dict[str, dict[str, Any]] = json.loads((REPOSITORY / ".github/environments.json").read_text())
    return rules


def call_github(path: str, method: str = "GET", body: Mapping[str, Any] | None = None, /) -> Any:
    """Answer a request by the GitHub CLI, which uses its login or the token in GH_TOKEN.

    Raises:
        CannotLookError: the CLI is missing, or GitHub refuses the request.
    """
    if shutil.which("gh") is None:
        raise CannotLookError("the GitHub CLI is not installed", "install gh, then run `gh auth login` or set GH_TOKEN")
    options, sent = ([], None) if body is None else (["--input", "-"], json.dumps(body))
    command = ["gh", "api", path, "--method", method, *options]
    done = subprocess.run(command, input=sent, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return json.loads(done.stdout or "null")
    if method == "GET" and "HTTP 404" in done.stderr:
        return None
    raise CannotLookError(
        f"gh: {' '.join(done.stderr.split())}"[:200],
        "run `gh auth login`, or set GH_TOKEN to a token with access to the repository",
    )


def check_environment_rules(api: Api, repository: str, environment: str) -> Iterator[Result]:
    """Check that a GitHub environment has the rules of `.github/environments.json`.

    Args:
        api: GitHub's REST API.
        repository: `ORGANIZATION/REPOSITORY`.
        environment: name of the environment.
    """
    check, base = "GitHub environment", f"repos/{repository}"
    if api(base) is None:
        raise CannotLookError(
            f"no access to the repository {repository}",
            "set github_repository in the bootstrap's tfvars, or log in to gh",
        )
    described = api(f"{base}/environments/{environment}")
    if described is None:
        yield failed(
            check,
            f"{repository} has no {environment}",
            FIX,
        )
        return
    wanted = read_rules()[environment]
    only = ", ".join(wanted["branches"])
    branches = _deploying_branches(api, f"{base}/environments/{environment}", described)
    problems = []
    if branches != wanted["branches"]:
        problems.append(f"{', '.join(branches)} can deploy to {environment}, not only {only}")
    rules = [rule for rule in described.get("protection_rules", []) if rule["type"] == "required_reviewers"]
    reviewers = sorted(_named(reviewer) for rule in rules for reviewer in rule["reviewers"])
    required = sorted(f"{reviewer['type']} {reviewer['name']}" for reviewer in wanted["reviewers"])
    if reviewers != required:
        found, expected = ", ".join(reviewers) or "none", ", ".join(required) or "none"
        problems.append(f"{environment} has the reviewers {found}, not {expected}")
    if required and not all(rule.get("prevent_self_review") for rule in rules):
        problems.append(f"{environment} allows self-review")
    if described.get("can_admins_bypass", False):  # GitHub does not document this field, and can leave it out.
        problems.append(f"administrators can bypass the rules of {environment}")
    yield judged(check, problems, f"only {only} deploys to {environment}", FIX)


def _named(reviewer: Any) -> str:
    described = reviewer["reviewer"]
    return f"{reviewer['type']} {described['slug'] if reviewer['type'] == 'Team' else described['login']}"


def _deploying_branches(api: Api, path: str, environment: Any) -> list[str]:
    policy = environment.get("deployment_branch_policy")
    if policy is None:
        return ["every branch"]
    if not policy["custom_branch_policies"]:
        return ["every protected branch"]
    listed = api(f"{path}/deployment-branch-policies") or {"branch_policies": []}
    names = [each["name"] if each.get("type") != "tag" else f"tag {each['name']}" for each in listed["branch_policies"]]
    return sorted(names) or ["no branch"]
