"""Copy what a run left in the local cloud to a folder."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import boto3

from localcloud.deployment import Deployment
from tools.execution import Execution


def export_run(deployment: Deployment, days: dict[date, dict[str, Execution]], out: Path) -> list[dict[str, Any]]:
    """Write the pipeline bucket, the table, the histories, the notifications and the logs of the functions to a folder.

    Args:
        deployment: the deployment that ran.
        days: snapshot -> `etl` and `ml` -> the execution. `ml` is missing if the ETL failed.
        out: the folder.

    Returns:
        The items of the table, sorted by member.
    """
    _export_bucket(deployment.pipeline_bucket, out / "s3" / deployment.pipeline_bucket)
    table = boto3.resource("dynamodb").Table(deployment.table_name)
    items = sorted(_scan(table), key=lambda item: str(item["member_id"]))
    with (out / "table.jsonl").open("w") as file:
        for item in items:
            file.write(json.dumps(item, default=float) + "\n")
    (out / "executions").mkdir(exist_ok=True)
    for day, executions in days.items():
        for name, execution in executions.items():
            history = json.dumps(_read_history(execution.arn), default=str, indent=2)
            (out / "executions" / f"{name}-{day}.json").write_text(history + "\n")
    (out / "notifications.json").write_text(json.dumps(deployment.notifications(), indent=2) + "\n")
    _export_function_logs(deployment.function_names, out / "logs" / "functions")
    return items


def _read_history(execution_arn: str) -> list[dict[str, Any]]:
    pages = boto3.client("stepfunctions").get_paginator("get_execution_history").paginate(executionArn=execution_arn)
    return [dict(event) for page in pages for event in page["events"]]


def _scan(table: Any) -> list[dict[str, Any]]:
    pages = table.meta.client.get_paginator("scan").paginate(TableName=table.name)
    return [item for page in pages for item in page["Items"]]


def _export_bucket(bucket: str, folder: Path) -> None:
    s3 = boto3.client("s3")
    folder.mkdir(parents=True, exist_ok=True)
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for found in page.get("Contents", []):
            file = folder / found["Key"]
            file.parent.mkdir(parents=True, exist_ok=True)
            s3.download_file(bucket, found["Key"], str(file))


def _export_function_logs(function_names: list[str], folder: Path) -> None:
    logs = boto3.client("logs")
    folder.mkdir(parents=True, exist_ok=True)
    for name in function_names:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{name}")
        messages = [event["message"].rstrip("\n") for page in pages for event in page["events"]]
        if messages:
            (folder / f"{name}.log").write_text("\n".join(messages) + "\n")
