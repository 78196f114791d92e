"""Expressions and artifacts of workflows have the meaning that GitHub documents."""

from pathlib import Path
from typing import Any

import pytest

from localcloud.rehearsal.artifacts import download, upload
from localcloud.rehearsal.errors import RehearsalError
from localcloud.rehearsal.expressions import holds, parse, render

CONTEXTS: dict[str, Any] = {
    "github": {"event_name": "push", "event": {"pull_request": {"number": 5}}},
    "inputs": {"environment": "dev", "build_training_data": True},
    "needs": {"package": {"result": "success"}},
}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("inputs.environment", "dev"),
        ("'it''s'", "it's"),
        ("inputs.build_training_data && '1' || ''", "1"),
        ("!inputs.build_training_data && '1' || ''", ""),
        ("github.event_name == 'PUSH'", True),
        ("github.event_name != 'push' || needs.package.result == 'success'", True),
        ("github.event_name == 'push' && (inputs.environment == 'qa' || inputs.environment == 'prod')", False),
        ("github.event.pull_request.user.login == 'dependabot[bot]'", False),
        ("github.event.issue.number || github.event.pull_request.number", 5),
        ("startsWith(inputs.environment, 'd')", True),
        ("5 == 5", True),
    ],
)
def test_expression_has_the_value_that_github_documents(expression: str, value: object) -> None:
    assert parse(expression).evaluate(CONTEXTS) == value


@pytest.mark.parametrize(
    "expression",
    ["fromJSON('1')", "secrets.KEY", "inputs", "inputs.environment ==", "(true", "1 < 2", "inputs['x']", "a b",
     "''  ''", "startsWith('a' 'b')", "startsWith('a'"],
)  # fmt: skip
def test_expression_that_is_not_interpreted_is_an_error_that_quotes_it(expression: str) -> None:
    with pytest.raises(RehearsalError) as refused:
        parse(expression)

    assert f"expression `{expression}`" in str(refused.value)


def test_value_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(RehearsalError, match=r"`inputs\.enviroment` has no value here"):
        render("${{ inputs.enviroment }}", CONTEXTS)


def test_values_of_different_types_are_not_compared() -> None:
    with pytest.raises(RehearsalError, match="different types"):
        parse("inputs.environment == 1").evaluate(CONTEXTS)


@pytest.mark.parametrize(
    ("condition", "needed_succeeded", "runs"),
    [
        (None, True, True),
        (None, False, False),
        ("inputs.environment == 'dev'", False, False),
        ("${{ inputs.environment == 'dev' }}", True, True),
        ("!cancelled() && inputs.environment == 'dev'", False, True),
    ],
)
def test_job_runs_after_a_job_that_did_not_succeed_only_when_its_condition_asks_for_the_status(
    condition: str | None, needed_succeeded: bool, runs: bool
) -> None:
    assert holds(condition, CONTEXTS, needed_succeeded=needed_succeeded) is runs


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    for name in ("build/packages/layer.zip", "build/packages/functions/a.zip", "build/packages/.lock",
                 "build/packages/cache/layer/six.py", "build/plans/dev.txt"):  # fmt: skip
        file = tmp_path / "workspace" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    (tmp_path / "artifacts").mkdir()
    return tmp_path / "workspace"


def names(folder: Path) -> list[str]:
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())


@pytest.mark.parametrize(
    ("path", "stored"),
    [
        ("build/packages\n!build/packages/cache/**\n", ["functions/a.zip", "layer.zip"]),
        ("build/plans/dev.txt", ["dev.txt"]),
        ("build/packages/*.zip", ["layer.zip"]),
        ("build/packages/*.zip\nbuild/plans", ["packages/layer.zip", "plans/dev.txt"]),
    ],
)
def test_artifact_starts_at_the_common_folder_of_its_paths_without_hidden_files(
    tmp_path: Path, workspace: Path, path: str, stored: list[str]
) -> None:
    upload(tmp_path / "artifacts", workspace, {"name": "one", "path": path})

    assert names(tmp_path / "artifacts/one") == stored


def test_artifact_forgets_that_a_file_was_executable(tmp_path: Path, workspace: Path) -> None:
    (workspace / "build/plans/dev.txt").chmod(0o755)
    upload(tmp_path / "artifacts", workspace, {"name": "one", "path": "build/plans"})
    download(tmp_path / "artifacts", tmp_path / "other", {"name": "one", "path": "in"})

    assert (tmp_path / "other/in/dev.txt").stat().st_mode & 0o111 == 0


def test_artifact_without_files_is_an_error_only_where_the_step_says_so(tmp_path: Path, workspace: Path) -> None:
    nothing = {"name": "one", "path": "build/nothing"}
    upload(tmp_path / "artifacts", workspace, nothing)
    with pytest.raises(RehearsalError, match="no file matches the path of artifact one: build/nothing"):
        upload(tmp_path / "artifacts", workspace, {**nothing, "if-no-files-found": "error"})
    with pytest.raises(RehearsalError, match="there is no artifact one; the run has none"):
        download(tmp_path / "artifacts", workspace, {"name": "one", "path": "in"})


def test_second_artifact_of_the_same_name_is_an_error(tmp_path: Path, workspace: Path) -> None:
    upload(tmp_path / "artifacts", workspace, {"name": "one", "path": "build/plans"})
    with pytest.raises(RehearsalError, match="already has an artifact one"):
        upload(tmp_path / "artifacts", workspace, {"name": "one", "path": "build/plans"})


@pytest.mark.parametrize(
    ("merge", "found"),
    [({"merge-multiple": "true"}, ["dev.txt"]), ({}, ["plan-dev/dev.txt"])],
)
def test_download_by_pattern_keeps_the_artifacts_apart_unless_they_are_merged(
    tmp_path: Path, workspace: Path, merge: dict[str, str], found: list[str]
) -> None:
    upload(tmp_path / "artifacts", workspace, {"name": "plan-dev", "path": "build/plans"})
    upload(tmp_path / "artifacts", workspace, {"name": "packages", "path": "build/packages"})
    download(tmp_path / "artifacts", tmp_path / "other", {"pattern": "plan-*", "path": ".", **merge})

    assert names(tmp_path / "other") == found
