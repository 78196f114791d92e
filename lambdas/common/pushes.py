"""Starts a push, whatever its kind, unless a run can be joined or reused, or another push has to end first."""

import itertools
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Literal

from aws_lambda_powertools.metrics import MetricUnit
from pydantic import AwareDatetime, NonNegativeInt, PositiveInt, TypeAdapter

from buyer_stage.domain.job_names import job_name
from buyer_stage.domain.s3_layout import CURRENT_PUBLICATION_KEY, PENDING_PUSH_KEY
from buyer_stage.domain.serving_documents import Publication, PushKind
from buyer_stage.domain.snapshot_date import format_partition_value
from lambdas.common.documents import load_document, object_exists
from lambdas.common.environment import Environment
from lambdas.common.events import ExecutionEvent
from lambdas.common.glue_runs import RUN_NAME_ARGUMENT, is_in_progress, latest_runs
from lambdas.common.wiring import logger, metrics

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient
    from mypy_boto3_glue.type_defs import JobRunTypeDef
    from mypy_boto3_s3 import S3Client

EXECUTION_NAME_ARGUMENT = "--execution_name"
"""Argument that carries the execution that starts a run. Other executions can join the run."""


class PushVariables(Environment):
    """Environment of the functions that start a push."""

    environment: str
    glue_job_name: str
    glue_max_retries: NonNegativeInt
    pipeline_bucket: str
    code_uri: str
    ttl_days: PositiveInt


class PushEvent(ExecutionEvent):
    """Input of the states that start a push.

    Attributes:
        execution_start_time: start of the execution, which decides when items expire.
    """

    execution_start_time: AwareDatetime


@dataclass(frozen=True)
class StartedPush:
    """A push to wait for.

    Attributes:
        status: `WAITING` while another push has to end first.
        run_name: the name that leads to the run's retries and to its receipt; None while waiting.
        is_new: whether this call has started the run.
    """

    status: Literal["WAITING", "RUNNING", "SUCCEEDED"]
    run_name: str | None = None
    is_new: bool = False


@dataclass(frozen=True)
class Serving:
    """What is known about the table and the pushes that write to it.

    Attributes:
        runs: the latest run with each name, in the order of their starts.
        in_progress: names of the runs that have not ended.
        live: the live state; None before the first publication.
        is_pending: whether a push has begun to write since then and has not published its state.
    """

    runs: "dict[str, JobRunTypeDef]"
    in_progress: frozenset[str]
    live: Publication | None
    is_pending: bool


publication = TypeAdapter(Publication)


def read_serving(glue: "GlueClient", s3: "S3Client", variables: PushVariables, now: datetime) -> Serving:
    """Read what the runs of the job do, then what they have published.

    The order matters: a run that ends in between must not look as if it had ended without publishing its state.

    Args:
        glue: the client.
        s3: the client.
        variables: the function's environment.
        now: the time, with time zone.

    Raises:
        InvalidManifestError: the document that names the live state is damaged.
    """
    runs = latest_runs(glue, variables.glue_job_name)
    return Serving(
        runs,
        frozenset(name for name, run in runs.items() if is_in_progress(run, variables.glue_max_retries, now)),
        load_document(s3, variables.pipeline_bucket, CURRENT_PUBLICATION_KEY, publication),
        object_exists(s3, variables.pipeline_bucket, PENDING_PUSH_KEY),
    )


def common_arguments(variables: PushVariables, event: PushEvent, kind: PushKind, snapshot_date: date) -> dict[str, str]:
    """Return the arguments that every push has.

    Args:
        variables: the function's environment.
        event: the function's event.
        kind: where the push takes the new state from.
        snapshot_date: the day that its stages describe.
    """
    return {
        # The code of this function's own version, whichever version the job was last deployed with.
        "--scriptLocation": f"{variables.code_uri}glue/push_to_dynamodb.py",
        "--extra-py-files": f"{variables.code_uri}libraries.zip",
        "--kind": kind.value,
        "--snapshot_date": format_partition_value(snapshot_date),
        # Items expire at the end of a day, so that all executions of one day write the same items.
        "--served_on": format_partition_value(event.execution_start_time.astimezone(UTC).date()),
        "--ttl_days": str(variables.ttl_days),
    }


def start_push(
    glue: "GlueClient",
    variables: PushVariables,
    event: PushEvent,
    serving: Serving,
    arguments: dict[str, str],
    *work: str,
) -> StartedPush:
    """Join the run that does the same work, reuse it if it is complete and still shown, or start the next attempt.

    Args:
        glue: the client.
        variables: the function's environment.
        event: the function's event.
        serving: from `read_serving`.
        arguments: of the run; they decide which items it writes.
        work: what else decides that.
    """
    attempts, next_name = _find_attempts(variables.environment, serving, arguments, work)
    found = _find_push(serving, attempts)
    is_new = found is None and _start(glue, variables, event, arguments, next_name)
    metrics.add_metric("PushRunsStarted", MetricUnit.Count, 1 if is_new else 0)
    if found is None:
        found = StartedPush("RUNNING", next_name, is_new=True) if is_new else StartedPush("WAITING")
    logger.info("push", kind=arguments["--kind"], status=found.status, run_name=found.run_name)
    return found


def _find_attempts(
    environment: str, serving: Serving, arguments: dict[str, str], work: tuple[str, ...]
) -> tuple[list[str], str]:
    """Return the names of the attempts at a push, the first one first, and the name of the next attempt."""
    parts = [f"{name} {value}" for name, value in sorted(arguments.items())]
    names = (job_name(environment, "push", *parts, *work, attempt=attempt) for attempt in itertools.count(1))
    attempts: list[str] = []
    while (name := next(names)) in serving.runs:
        attempts.append(name)
    return attempts, name


def _find_push(serving: Serving, attempts: list[str]) -> StartedPush | None:
    """Return the push to join, to reuse or to wait for; None when the next attempt can start."""
    if attempts and attempts[-1] in serving.in_progress:
        return StartedPush("RUNNING", attempts[-1])
    if serving.in_progress:
        return StartedPush("WAITING")
    live = serving.live
    is_complete = live is not None and not serving.is_pending and not live.unsent_events
    shown = live.run_name if live is not None and is_complete else None
    # A run can still fail after it has published its state.
    if shown in attempts and serving.runs[shown]["JobRunState"] == "SUCCEEDED":
        return StartedPush("SUCCEEDED", shown)
    return None


def _start(
    glue: "GlueClient", variables: PushVariables, event: PushEvent, arguments: dict[str, str], run_name: str
) -> bool:
    """Start a run; return False when another execution was faster."""
    names = {RUN_NAME_ARGUMENT: run_name, EXECUTION_NAME_ARGUMENT: event.execution_name}
    try:
        glue.start_job_run(JobName=variables.glue_job_name, Arguments={**arguments, **names})
    except glue.exceptions.ConcurrentRunsExceededException:
        return False
    return True
