"""Create the GitHub environments of `.github/environments.json`, or check them. Both use the GitHub CLI.

python -m tools.github_environments [--check]

AWS gives the apply role to any job of the GitHub environment. Only the rules of the GitHub environment keep other
branches from it, and make a reviewer look at the plan first.
"""

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from tools.preflight.github import Api, call_github, check_environment_rules, read_rules
from tools.preflight.result import CannotLookError, Status
from tools.terraform_variables import BOOTSTRAP, read_variables


class UnknownReviewerError(Exception):
    """GitHub has no team or user of this name."""


def create(api: Api, repository: str, environment: str) -> None:
    """Create a GitHub environment, or replace its rules.

    Args:
        api: GitHub's REST API.
        repository: `ORGANIZATION/REPOSITORY`.
        environment: name of the environment.

    Raises:
        UnknownReviewerError: a reviewer does not exist, or has no access to the repository.
        CannotLookError: the CLI is missing, or GitHub refuses a request.
    """
    rules, path = read_rules()[environment], f"repos/{repository}/environments/{environment}"
    organization = repository.partition("/")[0]
    body = {
        "reviewers": [_reviewer(api, organization, reviewer) for reviewer in rules["reviewers"]],
        "prevent_self_review": bool(rules["reviewers"]),
        "can_admins_bypass": False,
        "deployment_branch_policy": {"protected_branches": False, "custom_branch_policies": True},
    }
    api(path, "PUT", body)
    policies = f"{path}/deployment-branch-policies"
    present = {(each.get("type", "branch"), each["name"]): each["id"] for each in api(policies)["branch_policies"]}
    wanted = {("branch", name) for name in rules["branches"]}
    for policy in present.keys() - wanted:
        api(f"{policies}/{present[policy]}", "DELETE")
    for kind, name in sorted(wanted - present.keys()):
        api(policies, "POST", {"type": kind, "name": name})


def _reviewer(api: Api, organization: str, reviewer: dict[str, str]) -> dict[str, Any]:
    kind, name = reviewer["type"], reviewer["name"]
    found = api(f"orgs/{organization}/teams/{name}" if kind == "Team" else f"users/{name}")
    if found is None:
        raise UnknownReviewerError(f"GitHub shows no {kind.lower()} {name}; correct .github/environments.json")
    return {"type": kind, "id": found["id"]}


def main(arguments: Sequence[str] | None = None) -> None:
    """Create or check every environment; exit with 1 when one differs from the file or GitHub refuses."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing; fail when GitHub differs from the file")
    check = parser.parse_args(arguments).check
    passed = True
    try:
        for environment in read_rules():
            repository = read_variables(environment, BOOTSTRAP)["github_repository"]
            if not check:
                create(call_github, repository, environment)
            for result in check_environment_rules(call_github, repository, environment):
                print(f"{result.status.value}: {result.finding}")
                passed = passed and result.status is Status.PASSED
    except (CannotLookError, UnknownReviewerError) as error:
        sys.exit(str(error))
    sys.exit(not passed)


if __name__ == "__main__":
    main()
