"""Starts the Glue run that brings an earlier state of the table back."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

import boto3
from pydantic import TypeAdapter

from buyer_stage.domain.data_inventory import SERVED_STATE_DAYS, top_folder
from buyer_stage.domain.errors import InvalidInputError
from buyer_stage.domain.s3_layout import served_items_prefix
from buyer_stage.domain.serving_documents import Publication, PushKind, ServedState
from buyer_stage.domain.snapshot_date import format_partition_value
from lambdas.common.documents import load_document
from lambdas.common.events import SnapshotDate
from lambdas.common.pushes import PushEvent, PushVariables, Serving, common_arguments, read_serving, start_push
from lambdas.common.wiring import lambda_handler

KEPT = timedelta(days=SERVED_STATE_DAYS)
"""How long S3 keeps the rows of a state for certain: it deletes them at the first midnight (UTC) after that. See
https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html."""


class Event(PushEvent):
    """Input of the state `StartRollback`.

    Attributes:
        rollback_to: the snapshot whose state comes back, or `previous` for the state before the live one.
    """

    rollback_to: Literal["previous"] | SnapshotDate


@dataclass(frozen=True)
class Result:
    """The push to wait for.

    Attributes:
        status: `WAITING` while another push has to end first.
        run_name: the name that leads to the run's retries and to its receipt; None while waiting.
        snapshot_date: the snapshot whose stages come back, as `YYYYMMDD`.
        target_state: folder of the state that comes back.
        is_new: whether this call has started the run.
    """

    status: Literal["WAITING", "RUNNING", "SUCCEEDED"]
    run_name: str | None
    snapshot_date: str
    target_state: str
    is_new: bool


glue, s3 = boto3.client("glue"), boto3.client("s3")
variables = PushVariables.load()
served_state = TypeAdapter(ServedState)


@lambda_handler
def handler(event: Event) -> Result:
    """Start or find the push that replaces the live state with an earlier one.

    Raises:
        InvalidInputError: there is no such state, it is not kept anymore, or it is the live one.
        InvalidManifestError: the document that names the live state, or the description of a state, is damaged.
    """
    now = datetime.now(UTC)
    serving = read_serving(glue, s3, variables, now)
    if serving.live is None:
        raise InvalidInputError("the table has no live state, because nothing was ever published: there is no way back")
    target = _find_target(event, serving, serving.live, now)
    arguments = {
        **common_arguments(variables, event, PushKind.ROLLBACK, target.snapshot_date),
        "--target_state": target.folder,
    }
    # From another live state, the same way back is another piece of work.
    push = start_push(glue, variables, event, serving, arguments, f"sequence {serving.live.sequence}")
    return Result(push.status, push.run_name, format_partition_value(target.snapshot_date), target.folder, push.is_new)


def _find_target(event: Event, serving: Serving, live: Publication, now: datetime) -> ServedState:
    """Return the state that the event names."""
    kept = _kept_states(now)
    if event.rollback_to == "previous":
        return _find_previous(event, serving, live, kept)
    states = [state for state in kept if state.snapshot_date == event.rollback_to]
    earlier = [state for state in states if state.folder != live.state.folder]
    if not earlier and live.state.snapshot_date == event.rollback_to:
        raise InvalidInputError(
            f"the live state is the only kept state of {event.rollback_to}, so the table has these stages already; "
            f"{_choose(kept)}"
        )
    if not earlier:
        raise InvalidInputError(f"no state of {event.rollback_to} is kept; {_choose(kept)}")
    return earlier[-1]


def _find_previous(event: Event, serving: Serving, live: Publication, kept: list[ServedState]) -> ServedState:
    # Without this check, the second of two executions at once would bring back the state that the first has replaced.
    ended_at = serving.runs[live.run_name].get("CompletedOn") if live.run_name in serving.runs else None
    if ended_at is not None and ended_at > event.execution_start_time:
        raise InvalidInputError(
            f"{live.run_name} has changed the live state since the execution started, so `previous` has another "
            "meaning now; look at the live state before you start again"
        )
    if live.state.previous is None:
        raise InvalidInputError("the live state is the first one: there is no previous state")
    found = [state for state in kept if state.folder == live.state.previous]
    if not found:
        raise InvalidInputError(f"the previous state, {live.state.previous}, is not kept anymore; {_choose(kept)}")
    return found[0]


def _choose(kept: list[ServedState]) -> str:
    """Return the last part of an error message: the days to choose from."""
    days = sorted({state.snapshot_date.isoformat() for state in kept})
    return f"states are kept for {KEPT.days} days, and there are states of {', '.join(days) or 'no day'}"


def _kept_states(now: datetime) -> list[ServedState]:
    """Return the states that the table once held completely and whose rows all exist, by snapshot and sequence."""
    descriptions: list[str] = []
    oldest: dict[str, datetime] = {}
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=variables.pipeline_bucket, Prefix=top_folder(served_items_prefix(date.min))
    )
    for found in (found for page in pages for found in page.get("Contents", [])):
        key, written_at = found["Key"], found["LastModified"]
        if key.endswith(".json"):
            descriptions.append(key)
        else:
            folder = key[: key.rindex("/") + 1]
            oldest[folder] = min(written_at, oldest.get(folder, written_at))
    loaded = [load_document(s3, variables.pipeline_bucket, key, served_state) for key in descriptions]
    return [state for state in loaded if state and state.folder in oldest and now - oldest[state.folder] < KEPT]
