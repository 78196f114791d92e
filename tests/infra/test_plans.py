"""Plans of dev, qa and prod need no credentials, differ only where intended, and set tags and boundaries."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from localcloud import plan as local_plan
from tools.package import build_packages
from tools.repository import REPOSITORY
from tools.terraform import workspace

TAGS = {"owner", "product", "component", "environment", "classification"}

DIFFERENT_VARIABLES = {
    "qa": {"environment", "datalake.bucket", "push.ttl_days"},
    "prod": {
        "environment", "datalake.bucket", "push.ttl_days", "deletion_protection", "automl.max_candidates",
        "transform.instance_count", "alerts.monthly_budget_usd", "emr.subnet_ids", "sagemaker_vpc.subnet_ids",
        "sagemaker_vpc.security_group_ids",
        # Plans contain defaults of attributes only where the object is set.
        "emr.cluster_minutes", "emr.core_instance_count", "emr.core_instance_limit", "emr.core_instance_types",
        "emr.master_instance_types", "emr.release",
    },
}  # fmt: skip
"""Variables and their attributes that have other values than in dev, by environment."""

DIFFERENT_ATTRIBUTES = {
    "qa": {
        # TTL_DAYS
        ('module.functions.aws_lambda_function.this["start_rollback"]', "environment"),
        ('module.functions.aws_lambda_function.this["start_ttl_extension"]', "environment"),
        ('module.functions.aws_lambda_function.this["start_uploading_to_dynamo_db"]', "environment"),
    },
    "prod": {
        ('module.functions.aws_lambda_function.this["start_rollback"]', "environment"),
        ('module.functions.aws_lambda_function.this["start_ttl_extension"]', "environment"),
        ('module.functions.aws_lambda_function.this["start_uploading_to_dynamo_db"]', "environment"),
        ("module.audit[0].aws_s3_bucket.this", "force_destroy"),
        # The model's network: its subnets, and the permissions for their interfaces.
        ('module.functions.aws_lambda_function.this["start_batch_transformation"]', "environment"),
        ('module.ml_pipeline.module.sagemaker_role["autopilot"].aws_iam_role_policy.this', "policy"),
        ('module.ml_pipeline.module.sagemaker_role["model"].aws_iam_role_policy.this', "policy"),
        ("module.observability.aws_budgets_budget.this", "limit_amount"),
        ("module.serving_table.aws_dynamodb_table.this", "deletion_protection_enabled"),
        ("module.storage.aws_s3_bucket.this", "force_destroy"),
        ("module.storage.aws_secretsmanager_secret.suppression_key", "recovery_window_in_days"),
    },
}
"""Attributes that differ from the plan of dev, by environment, apart from names. Plans do not contain values that are
known only after the apply. Those follow from the variables above."""

Plan = dict[str, Any]


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Plan]:
    folder = tmp_path_factory.mktemp("plans")
    build_packages(REPOSITORY, REPOSITORY / "build/packages")
    result = {}
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_ENDPOINT_URL"):
            patch.delenv(name, raising=False)
        for environment in ("dev", "qa", "prod"):
            file = folder / f"{environment}.tfplan"
            patch.setattr("sys.argv", ["plan", "--environment", environment, "--plan", str(file)])
            with pytest.raises(SystemExit) as ended:
                local_plan.main()
            assert ended.value.code == 0
            assert "Plan:" in file.with_suffix(".txt").read_text()
            result[environment] = workspace(environment).describe(file)
    return result


def variable_values(plan: Plan) -> dict[str, Any]:
    """Return the values of variables, and of the attributes of objects as `variable.attribute`."""
    flat: dict[str, Any] = {}
    for name, variable in plan["variables"].items():
        value = variable["value"]
        flat |= {f"{name}.{key}": item for key, item in value.items()} if isinstance(value, dict) else {name: value}
    return flat


def resources(plan: Plan) -> Iterator[tuple[str, Plan]]:
    """Yield the address and the planned values of every resource."""
    modules = [plan["planned_values"]["root_module"]]
    while modules:
        module = modules.pop()
        modules += module.get("child_modules", [])
        for resource in module.get("resources", []):
            if resource["mode"] == "managed":
                yield resource["address"], resource.get("values", {})


def without_names(environment: str, plan: Plan) -> dict[str, Plan]:
    """Return the resources with placeholders instead of the names of the environment and its key."""
    text = re.sub(r":key/[0-9a-f-]+", ":key/KEY", json.dumps(dict(resources(plan))))
    return dict(json.loads(re.sub(rf"(?<![a-z]){environment}(?![a-z])", "ENVIRONMENT", text)))


@pytest.mark.parametrize("environment", ["qa", "prod"])
def test_environments_differ_only_where_intended(plans: dict[str, Plan], environment: str) -> None:
    in_dev, in_other = variable_values(plans["dev"]), variable_values(plans[environment])
    assert {name for name in in_dev.keys() | in_other.keys() if in_dev.get(name) != in_other.get(name)} == (
        DIFFERENT_VARIABLES[environment]
    )

    dev, other = without_names("dev", plans["dev"]), without_names(environment, plans[environment])
    assert dev.keys() == other.keys()
    different = {
        (address, attribute)
        for address, planned in dev.items()
        for attribute in planned.keys() | other[address].keys()
        if planned.get(attribute) != other[address].get(attribute)
    }
    assert different == DIFFERENT_ATTRIBUTES[environment]


def test_every_resource_that_supports_tags_has_them(plans: dict[str, Plan]) -> None:
    tagged = {address: values["tags_all"] for address, values in resources(plans["dev"]) if "tags_all" in values}
    assert tagged
    assert {address for address, tags in tagged.items() if not tags or not tags.keys() >= TAGS} == set()


def test_every_role_has_the_permissions_boundary(plans: dict[str, Plan]) -> None:
    roles = {address: values for address, values in resources(plans["dev"]) if ".aws_iam_role." in address}
    assert roles
    assert {values["permissions_boundary"] for values in roles.values()} == {
        "arn:aws:iam::000000000000:policy/buyer-stage-boundary-dev"
    }


def test_what_uses_the_topic_waits_for_its_policy(plans: dict[str, Plan]) -> None:
    """Otherwise the budget would subscribe to a topic that AWS Budgets cannot publish to yet."""
    modules = plans["dev"]["configuration"]["root_module"]["module_calls"]

    assert modules["notifications"]["module"]["outputs"]["topic_arn"]["depends_on"] == ["aws_sns_topic_policy.this"]
    assert "module.notifications.topic_arn" in modules["observability"]["expressions"]["topic_arn"]["references"]


def test_budget_counts_the_resources_with_the_tag_of_the_product(plans: dict[str, Plan]) -> None:
    (budget,) = [values for address, values in resources(plans["dev"]) if ".aws_budgets_budget." in address]
    assert [(each["name"], each["values"]) for each in budget["cost_filter"]] == [
        ("TagKeyValue", ["user:product$buyer-stage"])
    ]


def test_etl_runs_every_8_hours_ml_pipeline_daily_at_10_utc_and_freshness_hourly(
    plans: dict[str, Plan],
) -> None:
    schedules = {
        values["name"]: (values["schedule_expression"], values["state"])
        for address, values in resources(plans["prod"])
        if ".aws_scheduler_schedule." in address
    }
    assert schedules == {
        "buyer-stage-etl-prod": ("cron(0 0/8 * * ? *)", "ENABLED"),
        "buyer-stage-ml-prod": ("cron(0 10 * * ? *)", "ENABLED"),
        "buyer-stage-freshness-prod": ("cron(30 * * * ? *)", "ENABLED"),
    }


def test_local_environment_also_sets_sizes_and_polls_and_nothing_else() -> None:
    folder = REPOSITORY / "terraform/environments"
    dev, local = (set(re.findall(r"\b(\w+) += ", (folder / f"{name}.tfvars").read_text())) for name in ("dev", "local"))
    assert local - dev == {
        "emr", "core_instance_count", "core_instance_limit", "worker_count", "max_retries",
        "polls", "daily_data", "upload", "seconds", "limit", "erasure_principal_arns",
        "reader_principal_arns",
    }  # fmt: skip
