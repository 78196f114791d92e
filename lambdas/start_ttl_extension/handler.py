"""Extends the time of the live state's items when no day was served until shortly before the first one expires.

An outage upstream must not empty the table silently: members keep their stages, and the notification says so.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import boto3
from aws_lambda_powertools.metrics import MetricUnit

from buyer_stage.domain.serving_documents import PushKind
from lambdas.common.pushes import PushEvent, PushVariables, common_arguments, read_serving, start_push
from lambdas.common.wiring import lambda_handler, logger, metrics

SHORTEST_TIME_LEFT = timedelta(days=1)
"""The pipeline runs daily: whoever waits longer can find the first items gone."""


class Event(PushEvent):
    """Input of the state `StartTTLExtension`."""


@dataclass(frozen=True)
class Result:
    """Whether the items get more time.

    Attributes:
        run_name: the push that this call has started; None when there is nothing to do.
        note: what the notification says about it; None when there is nothing to do.
    """

    run_name: str | None = None
    note: str | None = None


glue, s3 = boto3.client("glue"), boto3.client("s3")
variables = PushVariables.load()


@lambda_handler
def handler(event: Event) -> Result:
    """Start the push that extends the items' time if the first one expires within a day and no push is running.

    Raises:
        InvalidManifestError: the document that names the live state is damaged.
    """
    result = _extend(event, datetime.now(UTC))
    metrics.add_metric("TTLExtensionsStarted", MetricUnit.Count, 0 if result.run_name is None else 1)
    return result


def _extend(event: Event, now: datetime) -> Result:
    serving = read_serving(glue, s3, variables, now)
    first_expiry = None if serving.live is None else serving.live.state.first_expiry
    if serving.live is None or first_expiry is None or serving.in_progress:
        logger.info("no extension: there are no items, or a push is running")
        return Result()
    expires_at = datetime.fromtimestamp(first_expiry, UTC)
    if expires_at - now > SHORTEST_TIME_LEFT:
        logger.info("no extension: the items have enough time", first_expiry=expires_at.isoformat())
        return Result()
    state = serving.live.state
    arguments = common_arguments(variables, event, PushKind.TTL_EXTENSION, state.snapshot_date)
    push = start_push(glue, variables, event, serving, arguments, f"sequence {serving.live.sequence}")
    if push.status != "RUNNING":
        return Result()  # Another execution was faster.
    return Result(
        push.run_name,
        f"The first items of the table expire at {expires_at:%Y-%m-%d %H:%M} UTC, and no later day is served. Push "
        f"{push.run_name} gives the items {variables.ttl_days} days from today, so members keep the stages of "
        f"{state.snapshot_date} until then. Serve a day before that.",
    )
