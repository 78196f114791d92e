"""Reports every hour how many days the live snapshot is behind the one that should be live by now."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import boto3
from aws_lambda_powertools.metrics import MetricUnit
from pydantic import NonNegativeInt, TypeAdapter

from buyer_stage.domain.freshness import due_snapshot_date, parse_daily_schedule, snapshots_behind
from buyer_stage.domain.s3_layout import CURRENT_PUBLICATION_KEY
from buyer_stage.domain.serving_documents import Publication
from buyer_stage.domain.snapshot_date import format_partition_value
from lambdas.common.documents import load_document
from lambdas.common.environment import Environment
from lambdas.common.events import ExecutionEvent
from lambdas.common.wiring import lambda_handler, logger, metrics


class Variables(Environment):
    """Environment of the function."""

    pipeline_bucket: str
    ml_schedule: str
    lag_days: NonNegativeInt
    freshness_grace_hours: NonNegativeInt


class Event(ExecutionEvent):
    """Input of the schedule, which names the invocation."""


@dataclass(frozen=True)
class Result:
    """How fresh the table is.

    Attributes:
        due_snapshot_date: the snapshot that should be live, as `YYYYMMDD`.
        live_snapshot_date: the snapshot that is live; None before the first publication.
        snapshots_behind: days between the two, 0 or more; None before the first publication.
    """

    due_snapshot_date: str
    live_snapshot_date: str | None
    snapshots_behind: int | None


s3 = boto3.client("s3")
variables = Variables.load()
daily_start, grace = parse_daily_schedule(variables.ml_schedule), timedelta(hours=variables.freshness_grace_hours)
publication = TypeAdapter(Publication)


@lambda_handler
def handler(event: Event) -> Result:  # noqa: ARG001  The wrapper reads its type.
    """Compare the live snapshot with the schedule, and write the metric that an alarm watches.

    Before the first publication, there is nothing to count from. The function then writes no metric, and the alarm
    treats the missing metric as a table that is behind.

    Raises:
        InvalidManifestError: the document that names the live state is damaged.
    """
    due = due_snapshot_date(datetime.now(UTC), daily_start, grace, variables.lag_days)
    live = load_document(s3, variables.pipeline_bucket, CURRENT_PUBLICATION_KEY, publication)
    if live is None:
        logger.warning(
            "no state has been published yet; start the ML pipeline with `make start-ml`",
            due_snapshot_date=due.isoformat(),
        )
        return Result(format_partition_value(due), None, None)
    behind = snapshots_behind(live.state.snapshot_date, due)
    metrics.add_metric("SnapshotsBehind", MetricUnit.Count, behind)
    logger.info(
        "freshness reported",
        due_snapshot_date=due.isoformat(),
        live_snapshot_date=live.state.snapshot_date.isoformat(),
        kind=live.kind,
        snapshots_behind=behind,
    )
    return Result(format_partition_value(due), format_partition_value(live.state.snapshot_date), behind)
