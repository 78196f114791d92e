"""Workflows pin actions, need few permissions and call existing targets. Their scripts report correctly to GitHub."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from localcloud.rehearsal.programs import install_gh
from tools.preflight.github import read_rules
from tools.repository import REPOSITORY

GITHUB = REPOSITORY / ".github"
CHECKS = REPOSITORY / ".venv-checks/bin"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
ACTIONS = sorted((GITHUB / "actions").glob("*/action.yml"))
PIPELINE = GITHUB / "workflows/pipeline.yml"
CREDENTIALS_ACTION = "aws-actions/configure-aws-credentials"

every_workflow = pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)


def workflow(file: Path) -> dict[Any, Any]:
    parsed: dict[Any, Any] = yaml.safe_load(file.read_text())
    return parsed


def triggers(file: Path) -> set[str]:
    return set(workflow(file)[True])  # YAML 1.1 reads `on` as true.


def jobs(file: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = workflow(file)["jobs"]
    return found


def steps(file: Path) -> Iterator[dict[str, Any]]:
    for job in jobs(file).values():
        yield from job.get("steps", [])


def touches_an_environment(job: dict[str, Any]) -> bool:
    return any(step.get("uses", "").startswith(CREDENTIALS_ACTION) for step in job.get("steps", []))


def check(*command: str) -> None:
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_zizmor_finds_nothing() -> None:
    check(str(CHECKS / "zizmor"), "--offline", "--no-progress", "--persona", "pedantic", "--format", "plain", ".github")


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("vendor.github-workflows", WORKFLOWS),
        ("custom.github-workflows-require-timeout", WORKFLOWS),
        ("vendor.github-actions", ACTIONS),
        ("vendor.dependabot", [GITHUB / "dependabot.yml"]),
    ],
)
def test_files_match_githubs_schemas(schema: str, files: list[Path]) -> None:
    check(str(CHECKS / "check-jsonschema"), "--builtin-schema", schema, *map(str, files))


@pytest.mark.parametrize("file", [*WORKFLOWS, *ACTIONS], ids=lambda file: str(file.relative_to(GITHUB)))
def test_third_party_actions_are_pinned_by_commit_and_name_their_version(file: Path) -> None:
    used = re.findall(r"^\s*(?:- )?uses: (.+)$", file.read_text(), flags=re.MULTILINE)

    assert [
        action
        for action in used
        if not action.startswith("$/.github/") and not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action)
    ] == []


def test_every_action_has_one_version() -> None:
    texts = "".join(file.read_text() for file in [*WORKFLOWS, *ACTIONS])
    versions: dict[str, set[str]] = {}
    for action, version in re.findall(r"uses: ([\w./-]+)@([0-9a-f]{40} # v[\d.]+)", texts):
        versions.setdefault(action, set()).add(version)

    assert {action: found for action, found in versions.items() if len(found) > 1} == {}


@every_workflow
def test_a_workflow_reads_the_repository_and_no_more_unless_a_job_says_why(file: Path) -> None:
    assert workflow(file)["permissions"] == {"contents": "read"}


@every_workflow
def test_only_jobs_that_take_a_role_may_ask_for_a_token(file: Path) -> None:
    asking = {name for name, job in jobs(file).items() if "id-token" in job.get("permissions", {})}
    taking = {name for name, job in jobs(file).items() if touches_an_environment(job) or "uses" in job}

    assert asking == taking


@every_workflow
def test_packages_are_installed_before_a_role_is_taken(file: Path) -> None:
    for name, job in jobs(file).items():
        used = [step.get("run", step.get("uses", "")) for step in job.get("steps", [])]
        taken = next((index for index, use in enumerate(used) if use.startswith(CREDENTIALS_ACTION)), None)
        if taken is not None:
            assert any(use.startswith("make setup-deploy") for use in used[:taken]), name
            # Building the packages would install those of the layer.
            assert [use for use in used[taken:] if "make plan" in use and "PACKAGES=build/packages" not in use] == [], (
                name
            )


@every_workflow
def test_writing_to_github_is_for_comments_and_issues_alone(file: Path) -> None:
    written = {
        permission
        for job in jobs(file).values()
        for permission, access in job.get("permissions", {}).items()
        if access == "write"
    }

    assert written <= {"id-token", "issues", "pull-requests"}


@every_workflow
def test_jobs_with_credentials_wait_for_each_other_and_are_not_cancelled(file: Path) -> None:
    top = workflow(file).get("concurrency")
    for name, job in jobs(file).items():
        # The calling workflow sets the concurrency of a called one.
        turns = job.get("concurrency", top) if triggers(file) != {"workflow_call"} else None
        if touches_an_environment(job) or "uses" in job:
            assert turns is None or turns["cancel-in-progress"] is False, name
            assert turns is not None or triggers(file) == {"workflow_call"}, name


def test_deployments_go_from_dev_to_prod_one_at_a_time_per_environment() -> None:
    deploying = {name: job for name, job in jobs(GITHUB / "workflows/deploy.yml").items() if "uses" in job}

    assert {name: job["concurrency"]["group"] for name, job in deploying.items()} == {
        "dev": "deploy-dev",
        "qa": "deploy-qa",
        "prod": "deploy-prod",
    }
    assert {name: job["with"]["environment"] for name, job in deploying.items()} == {name: name for name in deploying}
    assert [deploying[name]["needs"] for name in ("dev", "qa", "prod")] == ["package", "dev", "qa"]


def test_apply_role_is_used_only_in_a_github_environment() -> None:
    for file in WORKFLOWS:
        for name, job in jobs(file).items():
            if "AWS_APPLY_ROLE_ARN" in json.dumps(job.get("steps", [])):
                assert job["environment"]["name"] == "${{ inputs.environment }}", f"{file.name}: {name}"


def test_plan_that_is_applied_is_the_one_that_was_shown() -> None:
    plan, apply = jobs(GITHUB / "workflows/deploy-environment.yml").values()
    saved, shown, uploaded = plan["steps"][-3:]

    assert 'PLAN="build/plans/$ENVIRONMENT.tfplan"' in saved["run"]
    assert "build/plans/$ENVIRONMENT.txt" in shown["run"]
    assert uploaded["with"]["path"] == "build/plans"
    assert apply["needs"] == "plan"
    assert 'PLAN="build/plans/$ENVIRONMENT.tfplan"' in apply["steps"][-1]["run"]


def test_pull_requests_plan_without_prod_and_without_a_lock() -> None:
    plan = jobs(GITHUB / "workflows/deploy.yml")["plan"]

    assert {each["environment"]: each["plan_role"] for each in plan["strategy"]["matrix"]["include"]} == {
        environment: f"${{{{ vars.AWS_PULL_REQUEST_ROLE_ARN_{environment.upper()} }}}}" for environment in ("dev", "qa")
    }
    assert "NO_LOCK=1" in next(step["run"] for step in plan["steps"] if "make plan" in step.get("run", ""))
    assert "PULL_REQUEST_ROLE" not in "".join(file.read_text() for file in WORKFLOWS if file.stem != "deploy")


def test_github_environments_are_those_of_the_deployments() -> None:
    assert list(read_rules()) == ["dev", "qa", "prod"]
    assert all(rules["branches"] == ["main"] for rules in read_rules().values())
    assert all(read_rules()[environment]["reviewers"] for environment in ("qa", "prod"))


def test_packages_are_audited_every_week() -> None:
    audit = GITHUB / "workflows/audit.yml"

    assert "schedule" in triggers(audit)
    assert make_targets(audit) == {"audit"}
    assert {file.stem for file in (REPOSITORY / "requirements").glob("*.in")} == {
        file.stem for file in (REPOSITORY / "requirements").glob("*.txt")
    }


def test_code_of_a_fork_never_runs_with_credentials() -> None:
    deploy = GITHUB / "workflows/deploy.yml"

    assert not any("pull_request_target" in triggers(file) or "workflow_run" in triggers(file) for file in WORKFLOWS)
    assert "github.event.pull_request.head.repo.full_name == github.repository" in jobs(deploy)["package"]["if"]
    assert jobs(deploy)["plan"]["needs"] == "package"


@every_workflow
def test_no_shell_command_contains_an_expression(file: Path) -> None:
    assert [step["run"] for step in steps(file) if "${{" in step.get("run", "")] == []


@pytest.mark.parametrize("file", [*WORKFLOWS, *ACTIONS], ids=lambda file: str(file.relative_to(GITHUB)))
def test_there_are_no_long_lived_keys(file: Path) -> None:
    assert re.findall(r"(?i)aws[-_](?:access[-_]key|secret|session[-_]token)|\bsecrets\b|AKIA", file.read_text()) == []


def test_ci_runs_every_test_once() -> None:
    (job,) = jobs(GITHUB / "workflows/ci.yml").values()

    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]
    assert (REPOSITORY / ".ci/run").read_text().endswith("\nmake lint test\n")


def test_exhaustive_tests_and_the_check_of_github_run_every_night() -> None:
    nightly = GITHUB / "workflows/nightly.yml"

    assert "schedule" in triggers(nightly)
    assert make_targets(nightly) == {"test-matrix", "github-environments"}
    assert "make github-environments CHECK=1" in nightly.read_text()


def pipeline_actions() -> set[str]:
    return set(workflow(PIPELINE)[True]["workflow_dispatch"]["inputs"]["action"]["options"])


def make_targets(file: Path) -> set[str]:
    called = {target for step in steps(file) for target in re.findall(r'\bmake "?([$\w-]+)', step.get("run", ""))}
    if "$ACTION" in called:
        called |= pipeline_actions()
    return called - {"$ACTION"}


@every_workflow
def test_every_make_target_exists(file: Path) -> None:
    there = set(re.findall(r"^([a-z0-9-]+):", (REPOSITORY / "Makefile").read_text(), flags=re.MULTILINE))

    assert make_targets(file) - there == set()


def test_operators_can_run_every_operation() -> None:
    assert pipeline_actions() == {
        "apply", "approve-model", "delete-model", "destroy", "plan", "rollback", "rollback-scores", "start-etl",
        "start-ml",
    }  # fmt: skip


# The scripts run with a fake gh that writes down its calls.


class GitHub:
    """Run scripts with a fake `gh`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.plans = folder / "plans"
        self.plans.mkdir()
        install_gh(folder)

    def run(self, script: str, *arguments: str, found: str = "", **variables: str) -> list[dict[str, str]]:
        """Return the calls of `gh`, each with its words and the body that it sent."""
        calls = self.folder / "calls"
        calls.write_text("")
        environment = {
            **os.environ,
            "PATH": f"{self.folder}:{os.environ['PATH']}",
            "GH_CALLS": str(calls),
            "GH_FOUND": found,
            "GH_TOKEN": "no-token",
            "GITHUB_REPOSITORY": "example-org/buyer-stage-pipelines",
            "GITHUB_SERVER_URL": "https://github.example",
            "GITHUB_RUN_ID": "17",
            **variables,
        }
        subprocess.run(["bash", str(GITHUB / "scripts" / script), *arguments], env=environment, check=True)
        return [json.loads(line) for line in calls.read_text().splitlines()]


@pytest.fixture
def github(tmp_path: Path) -> GitHub:
    return GitHub(tmp_path)


def test_plans_become_one_comment_with_the_changes_of_each_environment(github: GitHub) -> None:
    (github.plans / "dev.txt").write_text("# module.a will be created\nPlan: 3 to add, 1 to change, 0 to destroy.\n")
    (github.plans / "qa.txt").write_text("No changes. Your infrastructure matches the configuration.\n")

    _, written = github.run("comment_plans.sh", str(github.plans), PULL_REQUEST="5")

    assert "--method POST repos/example-org/buyer-stage-pipelines/issues/5/comments" in written["words"]
    assert "<b>dev</b>: Plan: 3 to add, 1 to change, 0 to destroy." in written["body"]
    assert "# module.a will be created" in written["body"]
    assert "<b>qa</b>: No changes." in written["body"]
    assert "prod" not in written["body"]


def test_plan_that_is_missing_failed(github: GitHub) -> None:
    (github.plans / "dev.txt").write_text("No changes. Your infrastructure matches the configuration.\n")

    _, written = github.run("comment_plans.sh", str(github.plans), PULL_REQUEST="5")

    assert "<b>qa</b>: the plan failed" in written["body"]


@pytest.mark.parametrize("fence", ["~~~~", "~~~~~~~", "~" * 500])
def test_fence_in_a_plan_does_not_end_the_code(github: GitHub, fence: str) -> None:
    text = f"{fence}\n</details> @everyone\n{fence}\nPlan: 1 to add.\n"
    (github.plans / "dev.txt").write_text(text)

    _, written = github.run("comment_plans.sh", str(github.plans), PULL_REQUEST="5")

    (block,) = re.findall(r"^(~{4,})\n(.*?)\n\1$", written["body"], flags=re.MULTILINE | re.DOTALL)
    assert block[1] == text.rstrip()


def test_mask_hides_account_ids_and_email_addresses_and_nothing_else(tmp_path: Path) -> None:
    plan = tmp_path / "dev.txt"
    plan.write_text(
        "arn:aws:iam::123456789012:role/plan, buyer-stage-code-dev-123456789012_1, first.last+alerts@mail.example.com, "
        "~ memory 1024 -> 2048, 1234567890123\n"
    )
    subprocess.run([GITHUB / "scripts/mask.sh", plan], check=True)

    assert plan.read_text() == (
        "arn:aws:iam::(account):role/plan, buyer-stage-code-dev-(account)_1, (email), "
        "~ memory 1024 -> 2048, 1234567890123\n"
    )


def test_what_others_can_read_is_masked() -> None:
    """Comments show the artifacts of plans, issues what `report_drift.sh` gets."""
    for name in ("deploy", "drift"):
        job = jobs(GITHUB / f"workflows/{name}.yml")["plan"]
        commands = [step.get("run", step.get("uses", "")) for step in job["steps"]]
        assert '.github/scripts/mask.sh "build/plans/$ENVIRONMENT.txt"' in "".join(commands[-2:]), name


def test_second_push_replaces_the_comment(github: GitHub) -> None:
    _, written = github.run("comment_plans.sh", str(github.plans), found="42\n43", PULL_REQUEST="5")

    assert "--method PATCH repos/example-org/buyer-stage-pipelines/issues/comments/42 " in written["words"]


def test_long_plans_are_truncated_to_the_limit_of_a_comment(github: GitHub) -> None:
    for environment in ("dev", "qa"):
        (github.plans / f"{environment}.txt").write_text("é" * 100_000)

    _, written = github.run("comment_plans.sh", str(github.plans), PULL_REQUEST="5")

    assert len(written["body"].encode()) < 65_536
    assert written["body"].count("Truncated after 20000 bytes") == 2


@pytest.mark.parametrize(
    ("drift", "open_issue", "called"),
    [
        ("true", "", "issue create --repo example-org/buyer-stage-pipelines --title Drift in qa "),
        ("true", "9", "issue edit 9 "),
        ("false", "9", "issue close 9 "),
        ("false", "", None),
    ],
)
def test_environment_has_one_open_issue_while_it_differs_from_main(
    github: GitHub, drift: str, open_issue: str, called: str | None
) -> None:
    (github.plans / "qa.txt").write_text("Plan: 0 to add, 1 to change, 0 to destroy.\n")

    _, *calls = github.run("report_drift.sh", drift, str(github.plans / "qa.txt"), found=open_issue, ENVIRONMENT="qa")

    assert [call["words"].startswith(called or "") for call in calls] == ([True] if called else [])
    if drift == "true":
        assert "Plan: 0 to add, 1 to change, 0 to destroy." in calls[0]["body"]
        assert "https://github.example/example-org/buyer-stage-pipelines/actions/runs/17" in calls[0]["body"]


# The workflow `pipeline` checks its inputs before it asks for an approval.

INPUTS = {
    "ACTION": "start-ml",
    "ENVIRONMENT": "prod",
    "SNAPSHOT_DATE": "",
    "ACCEPT_INPUT": "",
    "RETRAIN": "false",
    "SERVE_ANYWAY": "",
    "MODEL": "",
    "CONFIRMATION": "",
    "GITHUB_REF": "refs/heads/main",
}


@pytest.mark.parametrize(
    ("inputs", "refused"),
    [
        ({}, None),
        ({"SNAPSHOT_DATE": "20200229"}, None),
        ({"SNAPSHOT_DATE": "20210229"}, "snapshot_date is not a valid date"),
        ({"SNAPSHOT_DATE": "2020-02-29"}, "snapshot_date is not a valid date"),
        ({"SNAPSHOT_DATE": "$(id)"}, "snapshot_date is not a valid date"),
        ({"ACTION": "rollback", "SNAPSHOT_DATE": "20200229"}, "applies to start-etl, start-ml and rollback-scores"),
        ({"ACTION": "rollback-scores"}, None),
        ({"ACTION": "rollback-scores", "SNAPSHOT_DATE": "20200229"}, None),
        ({"SERVE_ANYWAY": "Half of the members moved to another portal, see ticket #12: 3.5% left"}, "1 to 200"),
        ({"SERVE_ANYWAY": "Half of the members moved to another portal: ticket #12"}, None),
        ({"SERVE_ANYWAY": "$(shell id)"}, "serve_anyway must be 1 to 200"),
        ({"SERVE_ANYWAY": "`id`"}, "serve_anyway must be 1 to 200"),
        ({"SERVE_ANYWAY": "-x"}, "serve_anyway must be 1 to 200"),
        ({"SERVE_ANYWAY": "x" * 201}, "serve_anyway must be 1 to 200"),
        ({"ACTION": "rollback-scores", "SERVE_ANYWAY": "yes"}, "serve_anyway applies to start-ml only"),
        ({"ACTION": "start-etl", "ACCEPT_INPUT": "The portal was down (incident 12)"}, None),
        ({"ACTION": "start-etl", "ACCEPT_INPUT": "$(shell id)"}, "accept_input must be 1 to 200"),
        ({"ACTION": "start-etl", "ACCEPT_INPUT": 'a"; id; "'}, "accept_input must be 1 to 200"),
        ({"ACCEPT_INPUT": "The portal was down"}, "accept_input applies to start-etl only"),
        ({"RETRAIN": "true"}, None),
        ({"ACTION": "start-etl", "RETRAIN": "true"}, "retrain applies to start-ml only"),
        ({"MODEL": "buy-prod-1a8f03dc6d-1"}, "model applies to approve-model and delete-model only"),
        ({"ACTION": "approve-model", "MODEL": "buy-prod-1a8f03dc6d-1"}, None),
        ({"ACTION": "approve-model", "MODEL": "$(shell id)"}, "model is not a model version"),
        ({"ACTION": "destroy", "ENVIRONMENT": "qa"}, "enter its name"),
        ({"ACTION": "destroy", "ENVIRONMENT": "qa", "CONFIRMATION": "dev"}, "enter its name"),
        ({"ACTION": "destroy", "CONFIRMATION": "prod"}, "no workflow destroys prod"),
        ({"ACTION": "destroy", "ENVIRONMENT": "qa", "CONFIRMATION": "qa"}, None),
        ({"GITHUB_REF": "refs/heads/feature"}, "from main"),
    ],
)
def test_pipeline_refuses_invalid_inputs(inputs: dict[str, str], refused: str | None) -> None:
    (step,) = jobs(PIPELINE)["check"]["steps"]
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", step["run"]],
        env={**os.environ, **INPUTS, **inputs}, capture_output=True, text=True,
    )  # fmt: skip

    assert done.returncode == (1 if refused else 0)
    assert (refused or "") in done.stdout
