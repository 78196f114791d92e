"""Keeps the changes of served stages as sets, and sends them to product teams as events.

A set is written before the items, and its events are sent when its state is published. Until EventBridge has accepted
all of them, `serving/current.json` names the set, and each push sends the sets that it finds there: no event is lost,
and one can arrive more than once, with the same `event_id`.
"""

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Protocol

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as sf

from buyer_stage.domain.features import MEMBER_ID
from buyer_stage.domain.s3_layout import stage_changes_summary_key
from buyer_stage.domain.serving_documents import Publication
from buyer_stage.domain.serving_item import PROBABILITY_DECIMALS
from buyer_stage.domain.stage_change_event import (
    EVENT_SOURCE,
    MemberStageChanged,
    RunEvent,
    member_stage_changed,
    to_detail,
)
from buyer_stage.domain.stages import Stage
from buyer_stage.spark.files import exists, join_uri, read_text, write_text
from glue.desired_state import has_changed
from glue.requests import (
    CLIENT_CONFIG,
    MAXIMUM_ATTEMPTS,
    REQUESTS_IN_FLIGHT,
    Pacer,
    batches,
    delay_seconds,
    error_name,
    is_refusal,
    side_by_side,
)

BATCH_SIZE = 10
"""The most events that EventBridge accepts in one PutEvents request.

https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html"""

RETRIED_ERRORS = frozenset({"InternalException", "InternalFailure", "ServiceUnavailable", "ThrottlingException"})
"""Error codes, of a request or of an event in it, that are worth another attempt."""

CHANGE_COLUMNS = (MEMBER_ID, "from", "to", "confidence")
SCHEMA = (
    f"{MEMBER_ID} string, from string, to string, confidence decimal({PROBABILITY_DECIMALS + 1},{PROBABILITY_DECIMALS})"
)

Entry = Mapping[str, Any]
"""An event as PutEvents takes it."""


class EventsClient(Protocol):
    """What this module uses of EventBridge's client."""

    def put_events(self, *, Entries: Sequence[Entry]) -> Mapping[str, Any]:  # noqa: N803
        """Send up to `BATCH_SIZE` events."""


@dataclass(frozen=True)
class EventBus:
    """Where the events go.

    Attributes:
        name: of the bus.
        region: region of the bus. Spark's executors do not know in which region they run.
        maximum_events_per_second: the rate to stay below, above 0.
    """

    name: str
    region: str
    maximum_events_per_second: float


@dataclass(frozen=True)
class EventCounts:
    """What became of events.

    Attributes:
        sent: events that EventBridge has accepted.
        failed: events that it has not.
        errors: what went wrong with them.
    """

    sent: int = 0
    failed: int = 0
    errors: frozenset[str] = frozenset()

    def __add__(self, other: "EventCounts") -> "EventCounts":
        return EventCounts(self.sent + other.sent, self.failed + other.failed, self.errors | other.errors)


def find_changes(decided: DataFrame) -> DataFrame:
    """Return the changes of served stages among the rows of `desired_state.decide`, as `CHANGE_COLUMNS` says."""
    stages = sf.array(*[sf.lit(stage.value) for stage in Stage])
    to = sf.col("row.stage")
    confidence = sf.map_from_arrays(stages, sf.col("row.probabilities"))[to]
    columns = (MEMBER_ID, sf.col("served").alias("from"), to.alias("to"), confidence.alias("confidence"))
    return decided.where(has_changed()).select(*columns)


class ChangeSets:
    """The sets in a pipeline bucket."""

    def __init__(self, spark: SparkSession, pipeline_bucket: str) -> None:
        """Access the sets below the root of a pipeline bucket."""
        self._spark = spark
        self._bucket = pipeline_bucket

    def write(self, changes: DataFrame, summary: RunEvent, folder: str) -> None:
        """Write a set and the event that sums it up, and replace what a push left there that died.

        Args:
            changes: from `find_changes`.
            summary: the event about the publication.
            folder: from `s3_layout.stage_changes_prefix`.
        """
        changes.write.mode("overwrite").parquet(join_uri(self._bucket, folder))
        document = {"detail_type": summary.detail_type, "detail": json.loads(to_detail(summary))}
        write_text(self._spark, join_uri(self._bucket, stage_changes_summary_key(folder)), json.dumps(document))

    def summary(self, folder: str) -> dict[str, Any] | None:
        """Return type and detail of the event that sums up a set; None if S3 does not keep it anymore."""
        uri = join_uri(self._bucket, stage_changes_summary_key(folder))
        return json.loads(read_text(self._spark, uri)) if exists(self._spark, uri) else None

    def rows(self, folder: str) -> DataFrame:
        """Return the changes of a set."""
        return self._spark.read.schema(SCHEMA).parquet(join_uri(self._bucket, folder))


def send_unsent(sets: ChangeSets, publication: Publication, bus: EventBus) -> tuple[Publication, EventCounts]:
    """Send the events of all sets that a publication names.

    Args:
        sets: where the sets are.
        publication: the live one.
        bus: where to.

    Returns:
        The publication with the sets that must be sent again, and what became of the events.
    """
    counts, unsent = EventCounts(), []
    for folder in publication.unsent_events:
        summary = sets.summary(folder)
        if summary is None:
            # A failure once, and not in every push from now on.
            counts += EventCounts(failed=1, errors=frozenset({f"S3 does not keep {folder} anymore"}))
            continue
        sent = send_changes(sets.rows(folder), summary["detail"], bus)
        # Last: it says that all changes have been sent.
        last = entry(summary["detail_type"], json.dumps(summary["detail"]), bus)
        sent += EventCounts(failed=1) if sent.failed else send_entries([last], bus)
        counts += sent
        if sent.failed:
            unsent.append(folder)
    return replace(publication, unsent_events=tuple(unsent)), counts


def send_changes(changes: DataFrame, publication: Mapping[str, Any], bus: EventBus) -> EventCounts:
    """Send the events of a set.

    Args:
        changes: the rows.
        publication: detail of the event that sums them up.
        bus: where to.
    """
    partitions = max(1, changes.sparkSession.sparkContext.defaultParallelism)
    # Each partition gets an equal part of the rate. All of them run at once, because there is a core for each.
    share = replace(bus, maximum_events_per_second=bus.maximum_events_per_second / partitions)

    def send(rows: Iterable[Row]) -> Iterator[EventCounts]:
        yield send_entries(entries(rows, publication, share), share)

    return sum(changes.coalesce(partitions).rdd.mapPartitions(send).collect(), start=EventCounts())


def entries(rows: Iterable[Row], publication: Mapping[str, Any], bus: EventBus) -> Iterator[Entry]:
    """Return the events of a set's rows as PutEvents takes them.

    Args:
        rows: the rows.
        publication: detail of the event that sums them up.
        bus: where to.
    """
    for row in rows:
        event = member_stage_changed(
            row[MEMBER_ID],
            row["from"],
            row["to"],
            None if row["confidence"] is None else float(row["confidence"]),
            snapshot_date=date.fromisoformat(publication["snapshot_date"]),
            model_version=publication["model_version"],
            sequence=publication["sequence"],
        )
        yield event_entry(event, bus)


def event_entry(event: MemberStageChanged | RunEvent, bus: EventBus) -> Entry:
    """Return an event as PutEvents takes it."""
    return entry(event.detail_type, to_detail(event), bus)


def entry(detail_type: str, detail: str, bus: EventBus) -> Entry:
    """Return an event as PutEvents takes it, from its type and JSON text."""
    return {"Source": EVENT_SOURCE, "DetailType": detail_type, "Detail": detail, "EventBusName": bus.name}


def send_entries(content: Iterable[Entry], bus: EventBus) -> EventCounts:
    """Send events with a client of this process.

    Args:
        content: the events.
        bus: where to, with the part of the rate that this process can use.
    """
    client = boto3.session.Session(region_name=bus.region).client("events", config=CLIENT_CONFIG)
    return Sender(client, Pacer(bus.maximum_events_per_second)).send(content)


class Sender:
    """Sends batches of events, several at once."""

    def __init__(self, events: EventsClient, pacer: Pacer, sleep: Callable[[float], None] = time.sleep) -> None:
        """Use a client with `CLIENT_CONFIG`.

        Args:
            events: the client.
            pacer: limits the rate, retries included.
            sleep: waits for a number of seconds.
        """
        self._events = events
        self._pacer = pacer
        self._sleep = sleep
        self._has_failed = threading.Event()

    def send(self, content: Iterable[Entry]) -> EventCounts:
        """Send all events.

        Events that EventBridge throttles are repeated after a random delay that grows exponentially. After
        `MAXIMUM_ATTEMPTS`, they count as failed. An error that waiting cannot fix, such as denied access, ends the
        sending: the remaining events count as failed without an attempt.
        """
        sent = side_by_side(self._send_batch, batches(content, BATCH_SIZE), REQUESTS_IN_FLIGHT)
        return sum(sent, start=EventCounts())

    def _send_batch(self, batch: list[Entry]) -> EventCounts:
        """Send up to `BATCH_SIZE` events."""
        if self._has_failed.is_set():
            return EventCounts(failed=len(batch))
        left, codes = batch, frozenset[str]()
        for attempt in range(MAXIMUM_ATTEMPTS):
            self._sleep(delay_seconds(attempt))
            self._pacer.wait_for(len(left))
            try:
                results = self._events.put_events(Entries=left)["Entries"]
            except (BotoCoreError, ClientError) as error:
                codes = frozenset({error_name(error)})
                if is_refusal(error, RETRIED_ERRORS):
                    continue
                self._has_failed.set()
                break
            # EventBridge answers in the order of the request.
            refused = [
                (each, str(result["ErrorCode"]))
                for each, result in zip(left, results, strict=True)
                if "ErrorCode" in result
            ]
            left, codes = [each for each, _ in refused], frozenset(f"PutEvents: {code}" for _, code in refused)
            if not left:
                break
            if any(code not in RETRIED_ERRORS for _, code in refused):
                self._has_failed.set()
                break
        return EventCounts(len(batch) - len(left), len(left), codes)
