"""The bootstrap configuration creates buckets and roles that fit the main configuration."""

import re

import pytest

from tools.repository import REPOSITORY
from tools.terraform import ENVIRONMENTS

TERRAFORM = REPOSITORY / "terraform"
BOOTSTRAP = TERRAFORM / "bootstrap"
DEPLOYED = [environment for environment in ENVIRONMENTS if environment != "local"]

DEPLOYABLE_RESOURCES = {
    "aws_athena_named_query", "aws_athena_workgroup", "aws_budgets_budget", "aws_cloudtrail",
    "aws_cloudwatch_dashboard", "aws_cloudwatch_event_archive", "aws_cloudwatch_event_bus",
    "aws_cloudwatch_event_bus_policy", "aws_cloudwatch_event_rule", "aws_cloudwatch_event_target",
    "aws_cloudwatch_log_group", "aws_cloudwatch_metric_alarm", "aws_cloudwatch_query_definition",
    "aws_dynamodb_resource_policy",
    "aws_dynamodb_table", "aws_emr_security_configuration", "aws_glue_catalog_database", "aws_glue_catalog_table",
    "aws_glue_job", "aws_glue_security_configuration", "aws_iam_instance_profile", "aws_iam_role",
    "aws_iam_role_policy", "aws_iam_role_policy_attachment", "aws_lambda_alias", "aws_lambda_function",
    "aws_lambda_function_url", "aws_lambda_layer_version", "aws_lambda_permission", "aws_s3_bucket",
    "aws_s3_bucket_lifecycle_configuration", "aws_s3_bucket_policy", "aws_s3_bucket_public_access_block",
    "aws_s3_bucket_server_side_encryption_configuration", "aws_s3_bucket_versioning",
    "aws_sagemaker_model_package_group", "aws_scheduler_schedule", "aws_scheduler_schedule_group",
    "aws_secretsmanager_secret", "aws_sfn_alias", "aws_sfn_state_machine", "aws_sns_topic", "aws_sns_topic_policy",
    "aws_sns_topic_subscription", "aws_sqs_queue",
}  # fmt: skip


def test_provider_tags_every_resource() -> None:
    assert re.search(r"default_tags \{\s+tags = local\.tags\s+\}", (BOOTSTRAP / "versions.tf").read_text())


def test_roles_can_deploy_every_kind_of_resource() -> None:
    """If a kind of resource fails here, first add its actions to `statements` in terraform/bootstrap/iam.tf."""
    files = [*TERRAFORM.glob("*.tf"), *TERRAFORM.glob("modules/*/*.tf")]
    used = {kind for file in files for kind in re.findall(r'^resource "(\w+)"', file.read_text(), flags=re.MULTILINE)}

    assert used - DEPLOYABLE_RESOURCES == set()


@pytest.mark.parametrize("start", ["buyer-stage-code-", "buyer-stage-ml-pipeline-", "alias/buyer-stage-"])
def test_both_configurations_spell_a_name_alike(start: str) -> None:
    name = re.compile(rf'"{start}\$\{{var\.environment\}}[^"]*"')
    bootstrap, main = (set(name.findall((folder / "locals.tf").read_text())) for folder in (BOOTSTRAP, TERRAFORM))

    assert len(bootstrap) == 1
    assert bootstrap <= main


@pytest.mark.parametrize("environment", DEPLOYED)
def test_boundary_lets_the_pipelines_read_the_data_lake(environment: str) -> None:
    (main,) = re.findall(
        r'datalake += \{ bucket += "(.+?)"', (TERRAFORM / f"environments/{environment}.tfvars").read_text()
    )
    values = (BOOTSTRAP / f"environments/{environment}.tfvars").read_text()

    assert f'"{main}"' in "".join(re.findall(r"^datalake_buckets += \[(.+)\]$", values, flags=re.MULTILINE))


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
