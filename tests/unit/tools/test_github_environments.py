"""The command creates GitHub environments with the rules that its check demands, whatever was there before."""

from collections.abc import Mapping
from typing import Any

import pytest

from tools import github_environments
from tools.github_environments import UnknownReviewerError, create
from tools.preflight.github import check_environment_rules
from tools.preflight.result import Status

REPOSITORY = "org/repository"


class Repository:
    """Stands in for GitHub's REST API: one repository with its environments and their branch policies."""

    def __init__(self, teams: Mapping[str, int]) -> None:
        self.teams = dict(teams)
        self.environments: dict[str, Any] = {}
        self.policies: dict[str, dict[int, dict[str, str]]] = {}

    def __call__(self, path: str, method: str = "GET", body: Mapping[str, Any] | None = None, /) -> Any:
        match method, path.split("/")[:1], path.split("/")[3:]:
            case "GET", ["orgs"], [team]:
                return {"id": self.teams[team]} if team in self.teams else None
            case "GET", _, []:
                return {}
            case "GET", _, ["environments", name]:
                return self.environments.get(name)
            case "PUT", _, ["environments", name]:
                assert body is not None
                slugs = {number: slug for slug, number in self.teams.items()}
                reviewers = [{"type": "Team", "reviewer": {"slug": slugs[each["id"]]}} for each in body["reviewers"]]
                rule = {"type": "required_reviewers", "reviewers": reviewers, **body}
                self.environments[name] = {**body, "protection_rules": [{**rule, "reviewers": reviewers}]}
                self.policies.setdefault(name, {})
                return None
            case "GET", _, ["environments", name, _]:
                return {"branch_policies": [{"id": number, **each} for number, each in self.policies[name].items()]}
            case "POST", _, ["environments", name, _]:
                assert body is not None
                self.policies[name][len(self.policies[name]) + 1] = dict(body)
                return None
            case "DELETE", _, ["environments", name, _, number]:
                del self.policies[name][int(number)]
                return None
        raise AssertionError(f"{method} {path}")


@pytest.mark.parametrize("environment", ["dev", "qa", "prod"])
def test_created_environment_passes_the_check(environment: str) -> None:
    github = Repository({"buyer-stage-team": 7, "platform-team": 8})
    github.policies[environment] = {1: {"type": "tag", "name": "main"}, 2: {"type": "branch", "name": "release/*"}}
    for _ in range(2):
        create(github, REPOSITORY, environment)

    (result,) = check_environment_rules(github, REPOSITORY, environment)
    assert (result.status, result.finding) == (Status.PASSED, f"only main deploys to {environment}")


def test_unknown_team_changes_nothing() -> None:
    github = Repository({})

    with pytest.raises(UnknownReviewerError, match="no team platform-team"):
        create(github, REPOSITORY, "prod")
    assert github.environments == {}


@pytest.mark.parametrize("prepared", [True, False])
def test_check_changes_nothing_and_fails_when_an_environment_is_missing(
    monkeypatch: pytest.MonkeyPatch, prepared: bool
) -> None:
    github = Repository({"buyer-stage-team": 7, "platform-team": 8})
    monkeypatch.setattr(github_environments, "call_github", github)
    monkeypatch.setattr(github_environments, "read_variables", lambda *_: {"github_repository": REPOSITORY})
    if prepared:
        with pytest.raises(SystemExit) as done:
            github_environments.main([])
        assert done.value.code == 0

    with pytest.raises(SystemExit) as checked:
        github_environments.main(["--check"])
    assert (checked.value.code, len(github.environments)) == ((0, 3) if prepared else (1, 0))
