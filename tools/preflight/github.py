"""Check the rules of the GitHub environments, which keep other branches from the apply role."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

from tools.preflight.result import CannotLookError, Result, failed, judged

Api = Callable[[str], Any]
"""Answers a GET request for a path of GitHub's REST API; None when there is nothing at the path."""

WITH_REVIEWERS = ("qa", "prod")
SETTINGS = "see step 3 of docs/deployment.md"


def call_github(path: str) -> Any:
    """Answer a GET request by the GitHub CLI, which uses its login or the token in GH_TOKEN.

    Raises:
        CannotLookError: the CLI is missing, or GitHub refuses the request.
    """
    if shutil.which("gh") is None:
        raise CannotLookError("the GitHub CLI is not installed", "install gh, then run `gh auth login` or set GH_TOKEN")
    done = subprocess.run(["gh", "api", path], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return json.loads(done.stdout)
    if "HTTP 404" in done.stderr:
        return None
    raise CannotLookError(
        f"gh: {' '.join(done.stderr.split())}"[:200],
        "run `gh auth login`, or set GH_TOKEN to a token that reads the repository",
    )


def check_environment_rules(api: Api, repository: str, environment: str) -> Iterator[Result]:
    """Check that only `main` deploys to a GitHub environment, and that others review what qa and prod get.

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
            f"gh api --method PUT {base}/environments/{environment}; {SETTINGS}",
        )
        return
    branches = _deploying_branches(api, f"{base}/environments/{environment}", described)
    problems = [] if branches == ["main"] else [f"{', '.join(branches)} can deploy to {environment}, not only main"]
    if environment in WITH_REVIEWERS:
        rules = [rule for rule in described.get("protection_rules", []) if rule["type"] == "required_reviewers"]
        if not any(rule.get("reviewers") for rule in rules):
            problems.append(f"{environment} requires no reviewers")
        elif not any(rule.get("prevent_self_review") for rule in rules):
            problems.append(f"{environment} allows self-review")
    yield judged(check, problems, f"only main deploys to {environment}", f"change the environment's rules: {SETTINGS}")


def _deploying_branches(api: Api, path: str, environment: Any) -> list[str]:
    policy = environment.get("deployment_branch_policy")
    if policy is None:
        return ["every branch"]
    if not policy["custom_branch_policies"]:
        return ["every protected branch"]
    listed = api(f"{path}/deployment-branch-policies") or {"branch_policies": []}
    return sorted(each["name"] for each in listed["branch_policies"]) or ["no branch"]
