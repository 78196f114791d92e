"""Draws the parts of the product and what flows between them.

This module is the map. Terraform's resources are read from its files: a kind that the map neither draws nor leaves out
on purpose is an error, and so is a part that Terraform no longer creates.
"""

from dataclasses import dataclass

from tools.diagrams.markdown import document
from tools.diagrams.modules import ROOT, read_resources


class DiagramError(Exception):
    """The map does not match Terraform's resources. The message says what to add or remove, and where."""


@dataclass(frozen=True)
class Part:
    """One part of the architecture.

    Attributes:
        label: its text.
        draws: the kinds of resources that it stands for, as `read_resources` names them; none for a part that Terraform
            does not create.
    """

    label: str
    draws: tuple[str, ...] = ()


PARTS = {
    "lake": Part("data lake<br/>S3, five windows, survey"),
    "schedules": Part(
        "schedules<br/>EventBridge Scheduler", ("schedules.aws_scheduler_schedule", "schedules.aws_sqs_queue")
    ),
    "etl": Part("ETL state machine", ("etl_pipeline.aws_sfn_state_machine",)),
    "emr": Part("EMR cluster<br/>one per execution", ("etl_pipeline.aws_emr_security_configuration",)),
    "bucket": Part("pipeline bucket<br/>features, models, scores, receipts", ("storage.aws_s3_bucket",)),
    "catalog": Part(
        "Athena<br/>tables, workgroup, queries",
        (
            "data_catalog.aws_glue_catalog_database",
            "data_catalog.aws_glue_catalog_table",
            "data_catalog.aws_athena_workgroup",
            "data_catalog.aws_athena_named_query",
        ),
    ),
    "ml": Part("ML state machine", ("ml_pipeline.aws_sfn_state_machine",)),
    "functions": Part("Lambda functions", ("functions.aws_lambda_function",)),
    "sagemaker": Part("SageMaker jobs<br/>Autopilot, transforms"),
    "registry": Part("model registry", ("ml_pipeline.aws_sagemaker_model_package_group",)),
    "glue": Part("Glue job<br/>push to DynamoDB", ("glue_job.aws_glue_job",)),
    "table": Part("serving table<br/>DynamoDB", ("serving_table.aws_dynamodb_table",)),
    "bus": Part(
        "event bus<br/>EventBridge",
        ("change_events.aws_cloudwatch_event_bus", "change_events.aws_cloudwatch_event_archive"),
    ),
    "lookup": Part("lookup<br/>function with a URL", ("lookup.aws_lambda_function_url",)),
    "products": Part("product teams"),
    "trail": Part("trail<br/>who read or wrote members' data", ("audit.aws_cloudtrail", "audit.aws_s3_bucket")),
    "alarms": Part(
        "alarms, events, budget",
        (
            "observability.aws_cloudwatch_metric_alarm",
            "observability.aws_cloudwatch_event_rule",
            "observability.aws_budgets_budget",
        ),
    ),
    "dashboard": Part(
        "dashboard and saved queries",
        ("observability.aws_cloudwatch_dashboard", "observability.aws_cloudwatch_query_definition"),
    ),
    "topic": Part("alerts<br/>SNS", ("notifications.aws_sns_topic",)),
    "subscribers": Part("subscribers"),
}
"""Name in the diagram -> part."""

ARROWS = [
    ("schedules", "every 8 hours", "etl"),
    ("schedules", "daily", "ml"),
    ("schedules", "every hour", "functions"),
    ("etl", "create, terminate", "emr"),
    ("lake", "behavior, survey", "emr"),
    ("emr", "features, labeled set", "bucket"),
    ("lake", "rows", "catalog"),
    ("ml", "", "functions"),
    ("functions", "start, check", "sagemaker"),
    ("ml", "score the holdout", "sagemaker"),
    ("functions", "start, check", "glue"),
    ("functions", "register, find", "registry"),
    ("bucket", "features, labeled set", "sagemaker"),
    ("sagemaker", "models, scores", "bucket"),
    ("bucket", "scores, live state", "glue"),
    ("glue", "states, receipts", "bucket"),
    ("bucket", "live state", "functions"),
    ("glue", "stages", "table"),
    ("table", "", "products"),
    ("glue", "changes", "bus"),
    ("bus", "", "products"),
    ("table", "", "lookup"),
    ("lookup", "", "products"),
    ("bucket", "events", "trail"),
    ("table", "events", "trail"),
    ("etl", "failures", "functions"),
    ("functions", "failures, counts", "alarms"),
    ("functions", "failures", "topic"),
    ("alarms", "", "topic"),
    ("alarms", "", "dashboard"),
    ("topic", "email", "subscribers"),
]
"""Source, what flows, destination."""

HELPERS = {
    "aws_cloudwatch_event_bus_policy", "aws_cloudwatch_event_target", "aws_cloudwatch_log_group",
    "aws_dynamodb_resource_policy",
    "aws_glue_security_configuration", "aws_lambda_permission",
    "aws_iam_instance_profile", "aws_iam_role", "aws_iam_role_policy", "aws_iam_role_policy_attachment",
    "aws_kms_alias", "aws_kms_key", "aws_lambda_alias", "aws_lambda_layer_version",
    "aws_s3_bucket_lifecycle_configuration", "aws_s3_bucket_policy", "aws_s3_bucket_public_access_block",
    "aws_s3_bucket_server_side_encryption_configuration", "aws_s3_bucket_versioning", "aws_scheduler_schedule_group",
    "aws_secretsmanager_secret", "aws_sfn_alias", "aws_sns_topic_policy", "aws_sns_topic_subscription",
}  # fmt: skip
"""Kinds of resources that only serve another one, and are not drawn."""


def architecture_document() -> str:
    """Draw the architecture.

    Raises:
        DiagramError: the map does not match Terraform's resources.
    """
    return document(
        "The parts, and what flows between them",
        "Terraform creates the square parts and encrypts them all with one key per environment. Each part that acts\n"
        "has a role of its own ([security.md](../security.md)).",
        draw_architecture(read_resources(ROOT)),
    )


def draw_architecture(resources: set[str]) -> str:
    """Draw the parts and what flows between them.

    Args:
        resources: the kinds that Terraform creates, as `read_resources` names them.

    Raises:
        DiagramError: a kind is neither drawn nor left out on purpose, or is drawn but no longer created.
    """
    drawn = {kind for part in PARTS.values() for kind in part.draws}
    if unknown := {kind for kind in resources - drawn if kind.partition(".")[2] not in HELPERS}:
        raise DiagramError(
            f"not in the architecture diagram: {', '.join(sorted(unknown))}; "
            "add it to PARTS or HELPERS in tools/diagrams/architecture.py"
        )
    if gone := drawn - resources:
        raise DiagramError(
            f"drawn, but no longer in terraform/: {', '.join(sorted(gone))}; "
            "remove it from PARTS in tools/diagrams/architecture.py"
        )
    lines = ["flowchart TD"]
    for name, part in PARTS.items():
        opening, closing = ("[", "]") if part.draws else ("([", "])")
        lines.append(f'  {name}{opening}"{part.label}"{closing}')
    lines += [f"  {source} -->{f'|{text}|' if text else ''} {destination}" for source, text, destination in ARROWS]
    return "\n".join(lines)
