"""Pushes on Spark to a table in this process."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer
from botocore.exceptions import ClientError
from pydantic import TypeAdapter
from pyspark.sql import DataFrame, SparkSession

from buyer_stage.domain.s3_layout import CURRENT_PUBLICATION_KEY, PENDING_PUSH_KEY, push_receipt_key, quarantine_prefix
from buyer_stage.domain.serving_documents import Publication, PushKind, PushReceipt, ServedState
from buyer_stage.domain.stage_change_event import MemberStageChanged
from buyer_stage.domain.stages import Stage
from glue import change_events, push_to_dynamodb
from glue.change_events import Entry, EventBus, EventCounts, Sender, entries
from glue.dynamodb_writer import WriteCounts
from glue.push_to_dynamodb import PushArguments, differing, parse_arguments, push, write_rows
from glue.requests import Pacer
from glue.served_states import ServedStates
from tools.contracts.validation import validate_event, validate_item

TABLE = "results"
BUS = "buyer-stage-test"
DAY = date(2020, 1, 30)
TTL_DAYS = 5
LABELS = "\"['Dreamer', 'Casual Searcher', 'Active Searcher', 'Ready To Transact']\""

LIMITS = {
    "lowest_member_change": -0.1,
    "highest_member_change": 0.25,
    "stage_mix_psi": 0.25,
    "stage_mix_psi_of_new_model": 0.5,
    "flip_rate": 0.45,
    "flip_rate_of_new_model": 0.6,
    "quarantined_share": 0.001,
    "quarantined_lines": 10,
}
NO_LIMITS = {name: -1e9 if name.startswith("lowest") else 1e9 for name in LIMITS}

Scores = Mapping[str, str | tuple[float, float, float, float]]
"""Member -> predicted stage, or the probabilities of the four stages."""


def scored(member_id: str, stage: str = "Dreamer", probabilities: Sequence[float] | None = None) -> str:
    """Return a scored line whose predicted stage has a probability of 0.4, unless probabilities are given."""
    numbers = probabilities or [0.4 if stage == each.value else 0.2 for each in Stage]
    return f'{member_id},{stage},{LABELS},"[{", ".join(map(str, numbers))}]"'


class Killed(BaseException):
    """The run has died. No code catches this."""


@dataclass
class Table:
    """A DynamoDB client with one table.

    Attributes:
        items: member -> attributes.
        requests: keys of each request.
        refuses: whether the next requests are denied.
        dies_after: requests until the run dies; None for never.
    """

    items: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: list[list[str]] = field(default_factory=list)
    dies_after: int | None = None

    def batch_write_item(self, RequestItems: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:  # noqa: N803
        """Accept all items."""
        keys = []
        for request in RequestItems[TABLE]:
            if "PutRequest" in request:
                item = request["PutRequest"]["Item"]
                keys.append(item["member_id"]["S"])
                self.items[keys[-1]] = item
            else:
                keys.append(request["DeleteRequest"]["Key"]["member_id"]["S"])
                self.items.pop(keys[-1], None)
        assert len(keys) == len(set(keys)) <= 25
        self.requests.append(keys)
        if self.dies_after is not None and len(self.requests) >= self.dies_after:
            raise Killed
        return {"UnprocessedItems": {}}

    def read(self) -> dict[str, dict[str, Any]]:
        """Return member -> item in Python's types."""
        deserialize = TypeDeserializer().deserialize
        return {
            member: {name: deserialize(value) for name, value in item.items()} for member, item in self.items.items()
        }

    def values(self) -> dict[str, str]:
        """Return member -> stage."""
        return {member: item["value"] for member, item in self.read().items()}


@dataclass
class Bus:
    """An EventBridge client with one bus.

    Attributes:
        entries: the accepted ones, in the order of their arrival.
        refuses: whether the next requests are denied.
        dies_after: requests until the run dies; None for never.
    """

    entries: list[Mapping[str, Any]] = field(default_factory=list)
    requests: int = 0
    refuses: bool = False
    dies_after: int | None = None

    def put_events(self, Entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:  # noqa: N803
        """Accept all events."""
        assert 1 <= len(Entries) <= 10
        assert {(entry["Source"], entry["EventBusName"]) for entry in Entries} == {("buyer-stage", BUS)}
        if self.refuses:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "m1"}}, "PutEvents")
        self.entries += Entries
        self.requests += 1
        if self.dies_after is not None and self.requests >= self.dies_after:
            raise Killed
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "1"} for _ in Entries]}

    def take(self) -> "Received":
        """Remove the events, and return their details by type, after comparing them with their contracts."""
        received = Received()
        for entry in self.entries:
            detail = json.loads(entry["Detail"])
            validate_event(entry["DetailType"], detail)
            kept = received.changes if entry["DetailType"] == MemberStageChanged.detail_type else received.runs
            kept.append({"detail_type": entry["DetailType"], **detail})
        self.entries = []
        return received


@dataclass
class Received:
    """Details of events.

    Attributes:
        changes: of the events about members.
        runs: of the others.
    """

    changes: list[dict[str, Any]] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)

    def stages(self) -> dict[str, tuple[str | None, str | None]]:
        """Return member -> stages before and now."""
        return {each["member_id"]: (each["from"], each["to"]) for each in self.changes}

    def ids(self) -> set[str]:
        """Return the ids of all events."""
        return {each["event_id"] for each in [*self.changes, *self.runs]}

    def types(self) -> list[str]:
        """Return the types of the events that are not about members."""
        return [each["detail_type"] for each in self.runs]


class Serving:
    """A bucket in a folder, a table, and a bus."""

    def __init__(self, spark: SparkSession, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Start with an empty table."""
        self.spark, self.root, self.table = spark, root, Table()
        self.bus = Bus()
        self.limits: dict[str, float] = NO_LIMITS
        monkeypatch.setattr(push_to_dynamodb, "write_items", self._write)
        monkeypatch.setattr(push_to_dynamodb, "send_entries", self._send)
        monkeypatch.setattr(change_events, "send_entries", self._send)
        monkeypatch.setattr(change_events, "send_changes", self._send_changes)

    def _write(self, decided: DataFrame, arguments: PushArguments) -> WriteCounts:
        rows = differing(decided).orderBy("member_id").collect()
        return write_rows(rows, self.table, arguments.table_name, 1e9)  # type: ignore[arg-type]

    def _send(self, content: Iterable[Entry], _: EventBus) -> EventCounts:
        return Sender(self.bus, Pacer(1e9)).send(content)

    def _send_changes(self, changes: DataFrame, publication: Mapping[str, Any], bus: EventBus) -> EventCounts:
        return self._send(entries(changes.orderBy("member_id").collect(), publication, bus), bus)

    def arguments(self, kind: PushKind, day: date, run_name: str, **more: object) -> PushArguments:
        """Return the arguments of a push."""
        arguments = {
            "kind": kind.value,
            "pipeline_bucket": self.root,
            "table_name": TABLE,
            "region": "us-west-2",
            "snapshot_date": f"{day:%Y%m%d}",
            "served_on": f"{day:%Y%m%d}",
            "ttl_days": TTL_DAYS,
            "refresh_margin_days": 2,
            "probability_tolerance": "0.02",
            "run_name": run_name,
            "execution_name": "execution-1",
            "maximum_writes_per_second": 100_000,
            "event_bus": BUS,
            "maximum_events_per_second": 100_000,
            "audit_limits": json.dumps(self.limits),
            **more,
        }
        parts = [part for name, value in arguments.items() for part in (f"--{name}", str(value))]
        return parse_arguments([*parts, "--JOB_NAME", "added-by-glue"])

    def push_lines(self, day: date, files: Mapping[str, Sequence[str]], **more: object) -> PushReceipt:
        """Push scored lines, by the name of their file."""
        output = self.root / "scored" / day.isoformat()
        output.mkdir(parents=True, exist_ok=True)
        for old in output.iterdir():
            old.unlink()
        for name, lines in files.items():
            (output / name).write_text("".join(line + "\n" for line in lines))
        settings = {
            "transform_output": output,
            "model_version": "model-1",
            "expected_line_count": sum(map(len, files.values())),
            "snapshots_before_stage_change": 1,
            **more,
        }
        return self.run(PushKind.SCORES, day, **settings)

    def push(self, days_later: int, scores: Scores, **more: object) -> PushReceipt:
        """Push the scores of members for a day after `DAY`."""
        lines = []
        for member, predicted in scores.items():
            if isinstance(predicted, str):
                lines.append(scored(member, predicted))
            else:
                best = max(range(len(Stage)), key=lambda position: predicted[position])
                lines.append(scored(member, list(Stage)[best].value, predicted))
        return self.push_lines(DAY + timedelta(days=days_later), {"part-0.csv.out": lines}, **more)

    def run(self, kind: PushKind, day: date, run_name: str = "run-1", **more: object) -> PushReceipt:
        """Run a push, and check that the receipt that it has written is the one that it returns."""
        receipt = push(self.spark, self.arguments(kind, day, run_name, **more), datetime(2020, 1, 1, tzinfo=UTC))
        written = (self.root / push_receipt_key(day, run_name)).read_bytes()
        assert TypeAdapter(PushReceipt).validate_json(written) == receipt
        return receipt

    def live(self) -> Publication:
        """Return the live publication."""
        return TypeAdapter(Publication).validate_json((self.root / CURRENT_PUBLICATION_KEY).read_bytes())

    def has_published(self) -> bool:
        """Check whether there is a live state."""
        return (self.root / CURRENT_PUBLICATION_KEY).exists()

    def is_pending(self) -> bool:
        """Check whether a push has died."""
        return (self.root / PENDING_PUSH_KEY).exists()

    def state(self, state: ServedState | None = None) -> dict[str, dict[str, Any]]:
        """Return member -> row of a state, by default the live one."""
        folder = (state or self.live().state).folder
        rows = ServedStates(self.spark, str(self.root)).rows(folder).collect()
        return {row["member_id"]: row.asDict() for row in rows}

    def quarantined(self, day: date = DAY) -> dict[str, str]:
        """Return line -> reason."""
        files = (self.root / quarantine_prefix(day, "run-1")).glob("part-*")
        refused = [json.loads(line) for file in files for line in file.read_text().splitlines()]
        return {each["line"]: each["reason"] for each in refused}


def assert_table_is_the_live_state(serving: Serving) -> None:
    """Check that the table shows every row of the live state, and nothing else, and items that follow the contract."""
    for item in serving.table.read().values():
        validate_item(item)
    shown = {
        member: (
            item["value"],
            [item["probabilities"][stage.value] for stage in Stage],
            item["model_version"],
            date.fromisoformat(item["since"]),
            date.fromisoformat(item["snapshot_date"]),
            item["ttl"],
        )
        for member, item in serving.table.read().items()
    }
    wanted = {
        member: tuple(
            row[name] for name in ("stage", "probabilities", "model_version", "since", "snapshot_date", "ttl")
        )
        for member, row in serving.state().items()
    }
    assert shown == wanted
