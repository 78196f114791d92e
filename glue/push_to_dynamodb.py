"""Brings the serving table to a new state: from a snapshot's scores, from an earlier state, or from the live one.

1. Read the source, and what is live.
2. Decide the new state, and which items differ from it.
3. Audit a snapshot's state. A day that breaks a rule is held: only an event about that and the receipt follow.
4. Write the new state and the changes of served stages, and record that the state is pending.
5. Write the items that differ.
6. If no item is lost, publish the state, and send the events about the changes.
7. Write the receipt.

A run can die anywhere. The next one finds the pending state, and also corrects every item that may belong to it. It
finds the changes whose events were not sent, and sends them.

Lost lines and items are in the receipt, and the run still ends normally: Glue would repeat a run that fails, for the
same loss. The function that checks the run judges the receipt.
"""

import argparse
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

import boto3
from pyspark import StorageLevel
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as sf

from buyer_stage.domain.audit import AuditLimits, ScoredDay, audit, is_held, parse_limits
from buyer_stage.domain.documents import to_json
from buyer_stage.domain.errors import BuyerStageError, InvalidInputError
from buyer_stage.domain.features import MEMBER_ID
from buyer_stage.domain.s3_layout import (
    feature_manifest_key,
    push_receipt_key,
    quarantine_prefix,
    served_state_prefix,
    stage_changes_prefix,
)
from buyer_stage.domain.serving_documents import (
    PendingPush,
    Publication,
    PushKind,
    PushReceipt,
    ServedState,
    StageChanges,
)
from buyer_stage.domain.serving_item import serving_item, to_attributes
from buyer_stage.domain.snapshot_date import parse_snapshot_date
from buyer_stage.domain.stage_change_event import RunEvent, ScoresHeld, ScoresPublished, ScoresRolledBack, event_id
from buyer_stage.domain.stages import Stage
from buyer_stage.spark.failures import without_values_of_rows
from buyer_stage.spark.feature_manifests import parse_manifest
from buyer_stage.spark.files import delete, exists, join_uri, read_text, write_text
from buyer_stage.spark.session import start_spark
from buyer_stage.spark.suppression import SuppressedMembers, read_suppressed_members
from glue.change_events import (
    ChangeSets,
    EventBus,
    EventCounts,
    event_entry,
    find_changes,
    send_entries,
    send_unsent,
)
from glue.desired_state import (
    CORRECTED,
    DELETED,
    Comparison,
    Lifetime,
    decide,
    join_scores,
    join_state,
    touched_members,
    unexpired,
)
from glue.dynamodb_writer import Change, WriteCounts, Writer
from glue.push_counts import PushCounts, by_stage, count_decisions
from glue.requests import CLIENT_CONFIG, Pacer
from glue.scored_lines import check_lines, read_lines, write_quarantine
from glue.served_states import ServedStates

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

logger = logging.getLogger(__name__)

WRITTEN = "written"
"""Outcome of an item that has a source; the others are `CORRECTED` and `DELETED`."""


@dataclass(frozen=True)
class PushArguments:
    """What a run pushes, and where to.

    Attributes:
        kind: where the new state comes from.
        pipeline_bucket: root of the pipeline bucket.
        table_name: the serving table.
        region: region of the table. Spark's executors do not know in which region they run.
        snapshot_date: the day that the stages describe.
        served_on: day of the push in UTC.
        ttl_days: full days after `served_on` until an item expires.
        refresh_margin_days: as in `desired_state.Lifetime`.
        probability_tolerance: smallest difference of a probability that is written, above 0.
        run_name: name of the run's receipt and quarantine.
        execution_name: the execution that started the run.
        maximum_writes_per_second: rate of all partitions together.
        event_bus: where the events about the changes go.
        maximum_events_per_second: rate of all partitions together.
        audit_limits: limits of the rules.
        suppression_secret: as for `read_suppressed_members`.
        transform_output: URI of the folder with the transform's output files. This and the next four are for scores.
        model_version: the model that predicted them.
        expected_line_count: members whose features the ETL wrote.
        snapshots_before_stage_change: as for `stage_changes.next_served_stage`.
        serve_anyway: why a person wants the day to be served although it breaks rules of the audit.
        target_state: folder of the state to go back to, for a rollback.
    """

    kind: PushKind
    pipeline_bucket: str
    table_name: str
    region: str
    snapshot_date: date
    served_on: date
    ttl_days: int
    refresh_margin_days: int
    probability_tolerance: Decimal
    run_name: str
    execution_name: str
    maximum_writes_per_second: int
    event_bus: str
    maximum_events_per_second: int
    audit_limits: AuditLimits
    suppression_secret: str | None
    transform_output: str
    model_version: str
    expected_line_count: int
    snapshots_before_stage_change: int
    serve_anyway: str | None
    target_state: str


NEEDED = {
    PushKind.SCORES: ("transform_output", "model_version", "expected_line_count", "snapshots_before_stage_change"),
    PushKind.ROLLBACK: ("target_state",),
    PushKind.TTL_EXTENSION: (),
}
"""Kind -> arguments that only this kind needs."""


EVENTS: dict[PushKind, type[RunEvent] | None] = {
    PushKind.SCORES: ScoresPublished,
    PushKind.ROLLBACK: ScoresRolledBack,
    PushKind.TTL_EXTENSION: None,
}
"""Kind -> the event about a publication, which follows the events about its changes; None if it changes no stage."""


def parse_arguments(arguments: Sequence[str] | None = None) -> PushArguments:
    """Read the run's arguments, and ignore those that Glue adds.

    Raises:
        InvalidInputError: an argument of the kind is missing, a date is not a day written as YYYYMMDD, or a number is
            impossible.
    """
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    for name in ("pipeline_bucket", "table_name", "event_bus", "region", "run_name", "execution_name"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("snapshot_date", "served_on"):
        parser.add_argument(f"--{name}", required=True, type=parse_snapshot_date)
    for name in ("ttl_days", "refresh_margin_days", "maximum_writes_per_second", "maximum_events_per_second"):
        parser.add_argument(f"--{name}", required=True, type=_positive_integer)
    for name in ("expected_line_count", "snapshots_before_stage_change"):
        parser.add_argument(f"--{name}", type=_positive_integer, default=0)
    for name in ("transform_output", "model_version", "target_state"):
        parser.add_argument(f"--{name}", default="")
    parser.add_argument("--kind", required=True, type=_kind)
    parser.add_argument("--probability_tolerance", required=True, type=_positive_decimal)
    parser.add_argument("--audit_limits", required=True, type=parse_limits)
    parser.add_argument("--suppression_secret")
    parser.add_argument("--serve_anyway")
    known, _ = parser.parse_known_args(arguments)
    parsed = PushArguments(**vars(known))
    if missing := [name for name in NEEDED[parsed.kind] if not getattr(parsed, name)]:
        raise InvalidInputError(f"a push of kind {parsed.kind.value!r} needs --{', --'.join(missing)}")
    return parsed


def _kind(text: str) -> PushKind:
    try:
        return PushKind(text)
    except ValueError:
        kinds = ", ".join(kind.value for kind in PushKind)
        raise InvalidInputError(f"--kind {text!r} is not one of {kinds}") from None


def _positive_integer(text: str) -> int:
    number = int(text)
    if number < 1:
        raise InvalidInputError(f"{text} is not a whole number above 0")
    return number


def _positive_decimal(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal(0)
    if not number > 0:
        raise InvalidInputError(f"{text} is not a number above 0")
    return number


def push(spark: SparkSession, arguments: PushArguments, now: datetime) -> PushReceipt:
    """Bring the table to its new state unless the day is held or lines are lost, and write the receipt.

    Args:
        spark: the session.
        arguments: what to push.
        now: time of the publication, with time zone.

    Raises:
        InvalidInputError: there is no state to go back to or to renew.
        InvalidManifestError: a document about the states, or the features' manifest, is damaged.
    """
    quarantine = join_uri(arguments.pipeline_bucket, quarantine_prefix(arguments.snapshot_date, arguments.run_name))
    receipt_uri = join_uri(arguments.pipeline_bucket, push_receipt_key(arguments.snapshot_date, arguments.run_name))
    # Glue retries a run under the same name: what the failed attempt left must not pass for this one's.
    delete(spark, receipt_uri)
    delete(spark, quarantine)

    states = ServedStates(spark, arguments.pipeline_bucket)
    suppressed = read_suppressed_members(spark, arguments.pipeline_bucket, arguments.suppression_secret)
    live, pending = states.publication(), states.pending()
    if arguments.kind is PushKind.SCORES:
        source = _scores(spark, arguments, states, suppressed, live)
    else:
        source = _state(arguments, states, suppressed, live)
    decided = decide(source.joined, _touched(states, live, pending), source.comparison).persist(
        StorageLevel.MEMORY_AND_DISK
    )
    counts = count_decisions(decided)
    receipt = _account(arguments, source, counts)
    if counts.quarantined:
        write_quarantine(decided, quarantine)
    if arguments.kind is PushKind.SCORES:
        receipt = _audited(_with_input(spark, receipt, arguments), arguments, source.before, live)
    sets, bus = ChangeSets(spark, arguments.pipeline_bucket), _event_bus(arguments)
    events = EventCounts()
    if receipt.held:
        held = _run_event(ScoresHeld, arguments, source.state, receipt.stages, live.sequence if live else 0, changes=0)
        events = send_entries([event_entry(held, bus)], bus)
    elif receipt.read == receipt.expected:
        begun = _begin(states, sets, arguments, source.state, decided, counts, live, pending, now)
        receipt = _with_results(receipt, write_items(decided, arguments))
        if receipt.find_loss() is None:
            receipt = replace(receipt, sequence=begun.sequence)
            states.publish(begun)
            live = begun
    if live is not None and live.unsent_events:
        left, sent = send_unsent(sets, live, bus)
        states.update(left)
        events += sent
    receipt = _with_events(receipt, events)
    write_text(spark, receipt_uri, to_json(receipt))
    logger.info("pushed %s: %s", arguments.run_name, receipt)
    if loss := receipt.find_loss():
        logger.error("the push is incomplete: %s", loss)
    decided.unpersist()
    return receipt


@dataclass(frozen=True)
class Source:
    """What the new state comes from.

    Attributes:
        read: scored lines, or rows of a state.
        joined: from `desired_state`.
        comparison: what counts as a difference from the live state.
        state: the new state, as far as it is known before it is decided.
        before: the state to compare stages with: the one that the snapshot before left, or the live one if the new
            state is not from scores; None if no item of it is left.
    """

    read: int
    joined: DataFrame
    comparison: Comparison
    state: ServedState
    before: ServedState | None = None


def _scores(
    spark: SparkSession,
    arguments: PushArguments,
    states: ServedStates,
    suppressed: SuppressedMembers,
    live: Publication | None,
) -> Source:
    lifetime = _lifetime(arguments)
    before = live.state if live else None
    while before is not None and before.snapshot_date >= arguments.snapshot_date:
        before = states.description(before.previous) if before.previous else None
    before = _unless_expired(before, lifetime)
    lines = read_lines(spark, arguments.transform_output)
    is_before_live = live is not None and live.state == before
    joined = join_scores(
        check_lines(lines, suppressed),
        _live_rows(states, live, lifetime, suppressed),
        None if is_before_live else unexpired(states.rows(before.folder if before else None), lifetime),
        snapshot_date=arguments.snapshot_date,
        model_version=arguments.model_version,
        snapshots_before_change=arguments.snapshots_before_stage_change,
    )
    return Source(
        # Counted apart from what becomes of the lines, so that a line lost in between shows.
        lines.count(),
        joined,
        Comparison(lifetime, arguments.probability_tolerance, keeps_unscored_members=True),
        ServedState(
            folder="",
            snapshot_date=arguments.snapshot_date,
            model_version=arguments.model_version,
            members=0,
            scored_members=0,
            stages={},
            first_expiry=None,
            last_expiry=None,
            previous=live.state.folder if live else None,
        ),
        before,
    )


def _state(
    arguments: PushArguments, states: ServedStates, suppressed: SuppressedMembers, live: Publication | None
) -> Source:
    if live is None:
        raise InvalidInputError(f"{arguments.pipeline_bucket} has no published state; push the scores of a snapshot")
    lifetime = _lifetime(arguments)
    target: ServedState | None = live.state
    if arguments.kind is PushKind.ROLLBACK:
        target = states.description(arguments.target_state)
    else:
        # Every item that does not expire as late as it could is late.
        lifetime = replace(lifetime, refresh_margin_days=arguments.ttl_days + 1)
    if target is None:
        raise InvalidInputError(
            f"{arguments.target_state} is not a published state; choose one of those that `make scores` lists"
        )
    rows = states.rows(target.folder)
    joined = join_state(rows, _live_rows(states, live, lifetime, suppressed), suppressed)
    comparison = Comparison(lifetime, None, keeps_unscored_members=False)
    return Source(rows.count(), joined, comparison, target, before=live.state)


def _lifetime(arguments: PushArguments) -> Lifetime:
    return Lifetime(arguments.served_on, arguments.ttl_days, arguments.refresh_margin_days)


def _live_rows(
    states: ServedStates, live: Publication | None, lifetime: Lifetime, suppressed: SuppressedMembers
) -> DataFrame:
    """Return what the table holds, with the column `is_suppressed`."""
    state = _unless_expired(live.state if live else None, lifetime)
    return suppressed.mark(unexpired(states.rows(state.folder if state else None), lifetime))


def _unless_expired(state: ServedState | None, lifetime: Lifetime) -> ServedState | None:
    """Return a state if any of its items has not expired. S3 may not keep the rows of another one."""
    return state if state is not None and (state.last_expiry or 0) > lifetime.begins_at else None


def _touched(states: ServedStates, live: Publication | None, pending: PendingPush) -> DataFrame | None:
    """Return the members whose items pushes that died may have changed; None if no push has died."""
    if not pending.folders:
        return None
    begun = [states.rows(folder) for folder in pending.folders]
    return touched_members(states.rows(live.state.folder if live else None), begun)


def _account(arguments: PushArguments, source: Source, counts: PushCounts) -> PushReceipt:
    """Return the receipt of a push that writes nothing."""
    before = source.before
    return PushReceipt(
        snapshot_date=arguments.snapshot_date,
        kind=arguments.kind,
        sequence=None,
        expected=arguments.expected_line_count if arguments.kind is PushKind.SCORES else source.read,
        read=source.read,
        unchanged=counts.unchanged,
        quarantined=counts.quarantined,
        suppressed=counts.suppressed,
        carried=counts.members - counts.sources,
        reasons=dict(counts.reasons),
        stages=by_stage(counts.stages),
        predicted_stages=by_stage(counts.predicted),
        changes=StageChanges(
            before.snapshot_date if before else None,
            before.scored_members if before else 0,
            counts.transition_table(),
            counts.waiting,
        ),
        serve_anyway=arguments.serve_anyway,
    )


def _with_input(spark: SparkSession, receipt: PushReceipt, arguments: PushArguments) -> PushReceipt:
    """Return the receipt with what the ETL found in the snapshot's input; nothing if its manifest is gone."""
    uri = join_uri(arguments.pipeline_bucket, feature_manifest_key(arguments.snapshot_date))
    if not exists(spark, uri):
        return receipt
    manifest = parse_manifest(read_text(spark, uri))
    return replace(receipt, input_warnings=manifest.input_warnings, accepted_input=manifest.accepted_input)


def _audited(
    receipt: PushReceipt, arguments: PushArguments, before: ServedState | None, live: Publication | None
) -> PushReceipt:
    """Return the receipt with the rules' results, and whether they keep the day from the table."""
    results = audit(
        ScoredDay(arguments.snapshot_date, arguments.model_version, receipt.stages),
        ScoredDay(before.snapshot_date, before.model_version, before.stages) if before else None,
        live.state.snapshot_date if live else None,
        arguments.audit_limits,
        flip_rate=receipt.changes.flip_rate(),
        read=receipt.read,
        quarantined=receipt.quarantined,
    )
    return replace(receipt, audit=results, held=is_held(results, arguments.serve_anyway))


def _next_sequence(live: Publication | None) -> int:
    return live.sequence + 1 if live else 1


def _begin(
    states: ServedStates,
    sets: ChangeSets,
    arguments: PushArguments,
    state: ServedState,
    decided: DataFrame,
    counts: PushCounts,
    live: Publication | None,
    pending: PendingPush,
    now: datetime,
) -> Publication:
    """Write the new state's rows and its changes, record that it is pending, and return what is to be published."""
    sequence, attempt = _next_sequence(live), len(pending.folders) + 1
    folder = served_state_prefix(state.snapshot_date, sequence, attempt)
    state = replace(
        state,
        folder=folder,
        members=counts.members,
        first_expiry=counts.first_expiry,
        last_expiry=counts.last_expiry,
    )
    if not state.stages:
        state = replace(state, scored_members=counts.sources, stages=by_stage(counts.stages))
    unsent = live.unsent_events if live else ()
    if event_type := EVENTS[arguments.kind]:
        unsent = (*unsent, stage_changes_prefix(state.snapshot_date, sequence, attempt))
        summary = _run_event(event_type, arguments, state, state.stages, sequence, counts.changes)
        sets.write(find_changes(decided), summary, unsent[-1])
    states.write_rows(decided.where(sf.col("row").isNotNull()).select(MEMBER_ID, "row.*"), folder)
    states.begin(PendingPush((*pending.folders, folder)))
    return Publication(
        sequence, arguments.kind, now, arguments.run_name, arguments.execution_name, state, unsent_events=unsent
    )


def _run_event(
    event_type: type[RunEvent],
    arguments: PushArguments,
    state: ServedState,
    stages: Mapping[str, int],
    sequence: int,
    changes: int,
) -> RunEvent:
    return event_type(
        # Not the run's name: a day that is held again, by another run, is the same event.
        event_id(event_type.detail_type, state.snapshot_date.isoformat(), sequence),
        state.snapshot_date,
        state.model_version,
        sequence,
        {stage: stages[stage.value] for stage in Stage},
        changes,
        arguments.run_name,
        arguments.execution_name,
    )


def _event_bus(arguments: PushArguments) -> EventBus:
    return EventBus(arguments.event_bus, arguments.region, arguments.maximum_events_per_second)


def write_items(decided: DataFrame, arguments: PushArguments) -> WriteCounts:
    """Write and delete the items that differ.

    Args:
        decided: from `desired_state.decide`.
        arguments: of the run.
    """
    partitions = max(1, decided.sparkSession.sparkContext.defaultParallelism)
    # Each partition gets an equal part of the rate. All of them run at once, because there is a core for each.
    writes_per_second = arguments.maximum_writes_per_second / partitions

    def write(rows: Iterable[Row]) -> Iterator[WriteCounts]:
        session = boto3.session.Session(region_name=arguments.region)
        dynamodb = session.client("dynamodb", config=CLIENT_CONFIG)
        yield write_rows(rows, dynamodb, arguments.table_name, writes_per_second)

    # `collect` is the only action on this RDD: a second one would write everything again.
    return sum(differing(decided).coalesce(partitions).rdd.mapPartitions(write).collect(), start=WriteCounts())


def differing(decided: DataFrame) -> DataFrame:
    """Return what `write_rows` needs to know of the members whose items differ from the new state."""
    return decided.where(sf.col("reason").isNotNull()).select(MEMBER_ID, "row", "is_source")


def write_rows(
    rows: Iterable[Row], dynamodb: "DynamoDBClient", table_name: str, writes_per_second: float
) -> WriteCounts:
    """Write and delete the items of rows from `differing`.

    Args:
        rows: the rows.
        dynamodb: a client with `CLIENT_CONFIG`.
        table_name: the table.
        writes_per_second: the rate to stay below, above 0.
    """
    return Writer(dynamodb, table_name, Pacer(writes_per_second)).write(_change(row) for row in rows)


def _change(changed: Row) -> Change:
    row = changed.row
    if row is None:
        return Change(DELETED, {"DeleteRequest": {"Key": {MEMBER_ID: {"S": changed[MEMBER_ID]}}}})
    item = serving_item(
        changed[MEMBER_ID],
        row.stage,
        row.probabilities,
        since=row.since,
        snapshot_date=row.snapshot_date,
        model_version=row.model_version,
        ttl=row.ttl,
    )
    return Change(WRITTEN if changed.is_source else CORRECTED, {"PutRequest": {"Item": to_attributes(item)}})


def _with_results(receipt: PushReceipt, counts: WriteCounts) -> PushReceipt:
    return replace(
        receipt,
        written=counts.done[WRITTEN],
        failed=counts.failed[WRITTEN],
        corrected=counts.done[CORRECTED],
        deleted=counts.done[DELETED],
        not_corrected=counts.failed[CORRECTED] + counts.failed[DELETED],
        errors=tuple(sorted(counts.errors)),
    )


def _with_events(receipt: PushReceipt, counts: EventCounts) -> PushReceipt:
    errors = tuple(sorted({*receipt.errors, *counts.errors}))
    return replace(receipt, events_sent=counts.sent, events_failed=counts.failed, errors=errors)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the job. An error that repeating cannot fix ends it without a receipt, which fails the execution."""
    logging.basicConfig(level=logging.INFO)
    try:
        with without_values_of_rows():
            parsed = parse_arguments(arguments)
            spark = start_spark("push_to_dynamodb")
            try:
                push(spark, parsed, datetime.now(UTC))
            finally:
                spark.stop()
    except BuyerStageError:
        logger.exception("the push has failed, and repeating it would not help")


if __name__ == "__main__":
    main()
