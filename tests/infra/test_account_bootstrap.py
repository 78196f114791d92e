"""The bootstrap configuration creates buckets and roles that fit the main configuration."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from localcloud.cloud import SERVER_PYTHON
from tests.terraform_copy import initialized_copy, terraform
from tools.repository import REPOSITORY
from tools.terraform import ENVIRONMENTS, terraform_call
from tools.terraform_layout import LAYOUT_FILE, layout_json

TERRAFORM = REPOSITORY / "terraform"
BOOTSTRAP = TERRAFORM / "bootstrap"
DEPLOYED = [environment for environment in ENVIRONMENTS if environment != "local"]

DEPLOYABLE_RESOURCES = {
    "aws_athena_named_query", "aws_athena_workgroup", "aws_budgets_budget", "aws_cloudwatch_dashboard",
    "aws_cloudwatch_event_rule", "aws_cloudwatch_event_target", "aws_cloudwatch_log_group",
    "aws_cloudwatch_metric_alarm", "aws_cloudwatch_query_definition", "aws_dynamodb_table",
    "aws_emr_security_configuration", "aws_glue_catalog_database", "aws_glue_catalog_table", "aws_glue_job",
    "aws_glue_security_configuration", "aws_iam_instance_profile", "aws_iam_role", "aws_iam_role_policy",
    "aws_iam_role_policy_attachment", "aws_kms_alias", "aws_kms_key", "aws_lambda_alias", "aws_lambda_function",
    "aws_lambda_layer_version", "aws_s3_bucket", "aws_s3_bucket_lifecycle_configuration", "aws_s3_bucket_policy",
    "aws_s3_bucket_public_access_block", "aws_s3_bucket_server_side_encryption_configuration",
    "aws_s3_bucket_versioning", "aws_sagemaker_model_package_group", "aws_scheduler_schedule",
    "aws_scheduler_schedule_group", "aws_secretsmanager_secret", "aws_sfn_alias", "aws_sfn_state_machine",
    "aws_sns_topic", "aws_sns_topic_policy", "aws_sns_topic_subscription", "aws_sqs_queue",
}  # fmt: skip


@pytest.fixture(scope="module")
def configuration(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("bootstrap")
    (root / "build/packages").mkdir(parents=True)
    (root / "build/packages" / LAYOUT_FILE).write_text(layout_json())
    (root / "terraform").mkdir()
    return initialized_copy(BOOTSTRAP, root / "terraform")


def test_configuration_is_formatted_and_valid(configuration: Path) -> None:
    terraform(configuration, "fmt", "-check", "-recursive", "-diff")
    assert "Success! The configuration is valid.\n" in terraform(configuration, "validate")


@pytest.fixture(scope="module")
def messages_of_tests(configuration: Path) -> list[str]:
    """Run the Terraform tests and return their messages, one JSON document each."""
    command, environment = terraform_call(
        configuration, configuration.parent / "terraform-data", ("test", "-json", "-verbose")
    )
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    messages = done.stdout.splitlines()
    # A planned run takes 15 MB, because it contains the schema of the provider.
    short = [message for message in messages if '"type":"test_plan"' not in message]
    assert done.returncode == 0, "\n".join([*short, done.stderr])
    return messages


def test_terraform_tests_pass(messages_of_tests: list[str]) -> None:
    assert re.search(r"Success! \d+ passed, 0 failed\.", messages_of_tests[-1])


NAMES = "repo:example-org/buyer-stage-pipelines"
IDS = "repo:example-org@123456/buyer-stage-pipelines@456789"
SUBJECTS = {
    "pull request": f"{NAMES}:pull_request",
    "main": f"{NAMES}:ref:refs/heads/main",
    "environment": f"{NAMES}:environment:dev",
    "pull request with ids": f"{IDS}:pull_request",
    "main with ids": f"{IDS}:ref:refs/heads/main",
    "environment with ids": f"{IDS}:environment:dev",
    "another branch": f"{NAMES}:ref:refs/heads/feature",
    "another branch with ids": f"{IDS}:ref:refs/heads/feature",
    "another environment": f"{NAMES}:environment:prod",
    "another environment with ids": f"{IDS}:environment:prod",
    "longer environment": f"{NAMES}:environment:dev2",
    "another repository": "repo:example-org/another-repository:environment:dev",
    "another repository with ids": "repo:example-org@123456/another-repository@456790:environment:dev",
    "fork": "repo:someone/buyer-stage-pipelines:pull_request",
    "fork with ids": "repo:someone@777/buyer-stage-pipelines@888:pull_request",
    "successor of a deleted repository": "repo:example-org@123456/buyer-stage-pipelines@999:environment:dev",
    "successor of a renamed organization": "repo:example-org@777/buyer-stage-pipelines@888:environment:dev",
    "renamed repository": "repo:example-org@123456/renamed@456789:environment:dev",
    "ids without names": "repo:@123456/@456789:environment:dev",
}
"""Case -> subject of a token of GitHub Actions."""


@pytest.mark.parametrize(
    ("run", "trusted"),
    [
        (
            "who_can_take_the_roles",
            {"plan": {"pull request", "main"}, "apply": {"environment"}},
        ),
        (
            "who_can_take_the_roles_when_tokens_contain_ids",
            {"plan": {"pull request with ids", "main with ids"}, "apply": {"environment with ids"}},
        ),
    ],
)
def test_only_tokens_of_the_repository_can_take_a_role(
    messages_of_tests: list[str], run: str, trusted: dict[str, set[str]]
) -> None:
    policies = planned_trust_policies(messages_of_tests, run)

    assert {role: trusted_subjects(policy, "sts.amazonaws.com") for role, policy in policies.items()} == trusted


def test_a_token_for_another_audience_is_refused(messages_of_tests: list[str]) -> None:
    policies = planned_trust_policies(messages_of_tests, "who_can_take_the_roles")

    assert [trusted_subjects(policy, "https://github.com/example-org") for policy in policies.values()] == [
        set(),
        set(),
    ]


def planned_trust_policies(messages: list[str], run: str) -> dict[str, dict[str, Any]]:
    """Return the trust policy of each role that a run of the Terraform tests plans."""
    (line,) = [message for message in messages if '"type":"test_plan"' in message and f'"@testrun":"{run}"' in message]
    changes = json.loads(line)["test_plan"]["resource_changes"]
    return {
        change["index"]: json.loads(change["change"]["after"]["assume_role_policy"])
        for change in changes
        if change["type"] == "aws_iam_role"
    }


def trusted_subjects(policy: dict[str, Any], audience: str) -> set[str]:
    """Return the cases of `SUBJECTS` whose tokens a trust policy accepts."""
    provider = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
    cases = [
        {"policy": policy, "provider": provider, "claims": {"aud": audience, "sub": subject}}
        for subject in SUBJECTS.values()
    ]
    done = subprocess.run(
        [SERVER_PYTHON, "-m", "tests.infra.trust_decisions"],
        input=json.dumps(cases), capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )  # fmt: skip
    return {case for case, is_trusted in zip(SUBJECTS, json.loads(done.stdout), strict=True) if is_trusted}


def test_provider_tags_every_resource() -> None:
    assert re.search(r"default_tags \{\s+tags = local\.tags\s+\}", (BOOTSTRAP / "versions.tf").read_text())


def test_roles_can_deploy_every_kind_of_resource() -> None:
    """If a kind of resource fails here, first add its actions to `statements` in terraform/bootstrap/iam.tf."""
    files = [*TERRAFORM.glob("*.tf"), *TERRAFORM.glob("modules/*/*.tf")]
    used = {kind for file in files for kind in re.findall(r'^resource "(\w+)"', file.read_text(), flags=re.MULTILINE)}

    assert used - DEPLOYABLE_RESOURCES == set()


def test_both_configurations_name_the_same_code_bucket() -> None:
    name = re.compile(r'code_bucket +=( "buyer-stage-code-\$\{var\.environment\}-\$\{local\.account_id\}")')

    assert name.findall((BOOTSTRAP / "locals.tf").read_text()) == name.findall((TERRAFORM / "locals.tf").read_text())


@pytest.mark.parametrize("environment", DEPLOYED)
def test_tfvars_name_their_environment_and_set_only_declared_variables(environment: str) -> None:
    values = (BOOTSTRAP / f"environments/{environment}.tfvars").read_text()
    declared = re.findall(r'^variable "(\w+)"', (BOOTSTRAP / "variables.tf").read_text(), flags=re.MULTILINE)

    assert re.search(rf'^environment += "{environment}"$', values, flags=re.MULTILINE)
    assert set(re.findall(r"^(\w+) +=", values, flags=re.MULTILINE)) <= set(declared)


@pytest.mark.parametrize("environment", DEPLOYED)
def test_backend_locks_the_state_and_uses_the_key_that_the_roles_can_access(environment: str) -> None:
    backend = (TERRAFORM / f"environments/{environment}.s3.tfbackend").read_text()
    (state_key,) = re.findall(r'state_key = "([^"]+)"', (BOOTSTRAP / "locals.tf").read_text())

    assert re.search(rf'^key += "{re.escape(state_key)}"$', backend, flags=re.MULTILINE)
    assert re.search(r"^use_lockfile += true$", backend, flags=re.MULTILINE)


@pytest.mark.parametrize("environment", DEPLOYED)
def test_backend_leaves_encryption_to_the_bucket(environment: str) -> None:
    """With `encrypt = true`, S3 would encrypt with its own key, which the bucket rejects."""
    backend = (TERRAFORM / f"environments/{environment}.s3.tfbackend").read_text()

    assert not re.search(r"^encrypt +=", backend, flags=re.MULTILINE)
