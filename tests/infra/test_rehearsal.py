"""The workflows' own commands deploy, each job in a fresh clone; the rehearsal fails where GitHub would.

Most tests run the real workflows on a small repository, whose make targets only check and write files. The exhaustive
one plans, deploys, operates and destroys the present commit.
"""

import shutil
import subprocess
from pathlib import Path

import pytest

from localcloud.rehearsal.__main__ import PULL_REQUEST, local_stage, prepare_folder, rehearse
from localcloud.rehearsal.errors import RehearsalError
from localcloud.rehearsal.runs import Event, Run, Stage
from tools.repository import REPOSITORY

MAKEFILE = """
PYTHON := .venv/python

$(PYTHON):
	test -z "$$AWS_ACCESS_KEY_ID" # Installs nothing with the rights of a role.
	mkdir -p .venv && printf '#!/bin/sh\\n"$$@"\\n' > $@ && chmod +x $@

setup-deploy: $(PYTHON)

package: $(PYTHON)
	$(if $(PACKAGES),$(PYTHON) test -f $(PACKAGES)/layer.zip,mkdir -p build/packages && touch build/packages/layer.zip)

plan: package
	$(PYTHON) mkdir -p build/plans
	test -n "$$AWS_REGION" && touch $(PLAN)
	echo "Plan: 1 to add, 0 to change, $(if $(DESTROY),all,0) to destroy." > build/plans/$(ENV).txt

apply: package
	$(PYTHON) test -f $(PLAN)

destroy: apply
	grep -q "all to destroy" build/plans/$(ENV).txt

start-ml: $(PYTHON)
"""

PLAN_STEP = (
    'step `make plan ENV="$ENVIRONMENT" PLAN="build/plans/$ENVIRONMENT.tfplan" PACKAGES=build/packages '
    'DESTROY="$DESTROY"`'
)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """A repository with these workflows and small make targets. There is no cloud."""
    source = tmp_path / "repository"
    shutil.copytree(REPOSITORY / ".github", source / ".github")
    (source / "Makefile").write_text(MAKEFILE)
    subprocess.run(["git", "init", "--quiet", str(source)], check=True)
    return Stage(source, tmp_path / "jobs", "dev", cloud={"AWS_ACCESS_KEY_ID": "none"})


def commit(stage: Stage) -> None:
    author = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
    for command in (("add", "--all"), (*author, "commit", "--quiet", "--message", "Change")):
        subprocess.run(["git", "-C", str(stage.source), *command], check=True)


def replace(stage: Stage, file: str, old: str, new: str) -> None:
    path = stage.source / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def deploy(stage: Stage) -> Run:
    commit(stage)
    return stage.run("deploy.yml", Event("push"))


def test_deployment_plans_and_applies_the_one_environment_that_is_rehearsed(stage: Stage) -> None:
    run = deploy(stage)

    assert [job for job, _ in run.logs] == [
        "package", *["dev / plan"] * 3, *["dev / apply"] * 2,
    ]  # fmt: skip


def test_pull_request_skips_the_deployment_and_comments(stage: Stage) -> None:
    commit(stage)
    run = stage.run("deploy.yml", Event("pull_request", "refs/pull/5/merge", PULL_REQUEST))

    assert [job for job, _ in run.logs] == ["package", *["plan"] * 3, "comment"]
    assert "<b>dev</b>: Plan: 1 to add" in run.gh_calls()[-1]["body"]


def test_pull_request_of_a_fork_gets_nothing(stage: Stage) -> None:
    commit(stage)
    fork = {"number": 6, "head": {"repo": {"full_name": "stranger/fork"}}, "user": {"login": "stranger"}}
    run = stage.run("deploy.yml", Event("pull_request", "refs/pull/6/merge", {"pull_request": fork}))

    assert run.logs == {}


DEPLOY = ".github/workflows/deploy.yml"
ENVIRONMENT = ".github/workflows/deploy-environment.yml"


@pytest.mark.parametrize(
    ("file", "old", "new", "messages"),
    [
        pytest.param(
            "Makefile", "\nplan: ", "\npreview: ",
            [f"deploy.yml: job dev: deploy-environment.yml: job plan: {PLAN_STEP}: exit code 2",
             "No rule to make target 'plan'", ".log)"],
            id="renamed make target",
        ),
        pytest.param(
            ENVIRONMENT, "make setup-deploy", "make --version",
            ["job dev: deploy-environment.yml: job plan: step `make plan ", "with the rights of a role"],
            id="installation with the rights of a role",
        ),
        pytest.param(
            ENVIRONMENT, "path: build/packages", "path: build/elsewhere",
            [f"job plan: {PLAN_STEP}: exit code 2"],
            id="artifact in another folder",
        ),
        pytest.param(
            DEPLOY, "            build/packages\n", "",
            ["deploy.yml: job package: step `actions/upload-artifact`: no file matches the path of artifact packages"],
            id="dropped artifact path",
        ),
        pytest.param(
            ENVIRONMENT, "name: packages", "name: package",
            ["job plan: step `actions/download-artifact`: there is no artifact package; the run has packages"],
            id="wrong artifact",
        ),
        pytest.param(
            ENVIRONMENT, "      id-token: write # To exchange GitHub's token for the role.\n", "",
            ["job plan: step `aws-actions/configure-aws-credentials`: the job needs the permission `id-token: write`"],
            id="missing permission",
        ),
        pytest.param(
            ENVIRONMENT, "    environment:\n      name: ${{ inputs.environment }}\n", "",
            ["job apply: step `aws-actions/configure-aws-credentials`: `vars.AWS_APPLY_ROLE_ARN` has no value here"],
            id="variable of a GitHub environment outside it",
        ),
        pytest.param(
            DEPLOY, "name: packages\n", "name: ${{ format('packages') }}\n",
            ["deploy.yml: job package: step `actions/upload-artifact`: expression `format('packages')`: the rehearsal "
             "does not interpret `format()`"],
            id="unknown function",
        ),
        pytest.param(
            DEPLOY, "      - run: make package\n", "      - run: make package\n        shell: zsh\n",
            ["deploy.yml: job package: step `make package`: the rehearsal does not interpret the key shell"],
            id="unknown key",
        ),
        pytest.param(
            DEPLOY, "      - run: make package\n", "      - uses: actions/cache@v4\n",
            ["job package: step `actions/cache`: the rehearsal does not interpret the action actions/cache"],
            id="unknown action",
        ),
        pytest.param(
            DEPLOY, "timeout-minutes: 20", "timeout-minutes: 0",
            ["deploy.yml: job package: step `make package`: the job takes longer than its timeout-minutes"],
            id="timeout",
        ),
    ],
)  # fmt: skip
def test_rehearsal_fails_and_says_where(stage: Stage, file: str, old: str, new: str, messages: list[str]) -> None:
    replace(stage, file, old, new)

    with pytest.raises(RehearsalError) as failed:
        deploy(stage)

    assert [message for message in messages if message not in str(failed.value)] == []


def test_each_job_has_its_own_clone_and_none_of_the_variables_of_this_process(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "mine")
    replace(
        stage,
        "Makefile",
        "package: $(PYTHON)\n",
        'package: $(PYTHON)\n\ttest -z "$$AWS_PROFILE" && test ! -e left\n\ttouch left\n',
    )

    deploy(stage)


PLANNED = ["check", "package", *["deploy / plan"] * 3]


@pytest.mark.parametrize(
    ("action", "jobs"),
    [
        ("start-ml", ["check", "run", "run"]),
        ("plan", PLANNED),
        ("apply", [*PLANNED, *["deploy / apply"] * 2]),
        ("destroy", [*PLANNED, *["deploy / apply"] * 2]),
    ],
)
def test_what_changes_resources_is_shown_and_approved_as_a_plan(stage: Stage, action: str, jobs: list[str]) -> None:
    commit(stage)
    inputs = {"environment": "dev", "action": action, "confirmation": "dev"}
    run = stage.run("pipeline.yml", Event("workflow_dispatch", inputs=inputs))

    assert [job for job, _ in run.logs] == jobs


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"action": "start-etl"}, "the input environment is required"),
        ({"environment": "dev", "action": "start-all"}, "the input action has no option start-all"),
        ({"environment": "dev", "action": "plan", "day": "20200301"}, "the workflow has no input day"),
    ],
)
def test_inputs_are_those_that_a_person_can_enter(stage: Stage, inputs: dict[str, str], message: str) -> None:
    commit(stage)

    with pytest.raises(RehearsalError, match=f"pipeline.yml: {message}"):
        stage.run("pipeline.yml", Event("workflow_dispatch", inputs=inputs))


@pytest.mark.matrix
def test_present_commit_deploys_runs_rolls_back_and_is_destroyed(tmp_path: Path) -> None:
    prepare_folder(tmp_path / "rehearsal")
    with local_stage(tmp_path / "rehearsal") as stage:
        rehearse(stage, tmp_path / "rehearsal")
