"""The Glue job on real Spark, from scored lines to items."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from pyspark.sql import SparkSession

from buyer_stage.domain.audit import SNAPSHOT_DATE_RULE
from buyer_stage.domain.documents import FeatureManifest, InputWarning, to_json
from buyer_stage.domain.s3_layout import PENDING_PUSH_KEY, feature_manifest_key, served_items_prefix
from buyer_stage.domain.serving_documents import PushKind, PushReceipt
from buyer_stage.domain.stages import Stage
from glue.push_to_dynamodb import push
from tests.spark.serving import (
    DAY,
    LIMITS,
    TTL_DAYS,
    Bus,
    Killed,
    Serving,
    Table,
    assert_table_is_the_live_state,
    scored,
)
from tests.suppression import holding, suppress

MIDNIGHT = datetime(2020, 1, 30, tzinfo=UTC).timestamp()
DAY_SECONDS = 86_400


@pytest.fixture
def serving(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Serving:
    return Serving(spark, tmp_path, monkeypatch)


def expiry(days_later: int = 0) -> int:
    """Return when items expire that are written on a day after `DAY`."""
    return int(MIDNIGHT) + (days_later + TTL_DAYS + 1) * DAY_SECONDS


def outcomes(receipt: PushReceipt) -> dict[str, int]:
    names = ("written", "unchanged", "quarantined", "failed", "suppressed", "carried", "corrected", "deleted")
    return {name: getattr(receipt, name) for name in names if getattr(receipt, name)}


def test_every_member_becomes_an_item(serving: Serving) -> None:
    receipt = serving.push_lines(
        DAY,
        {
            "part-0.csv.out": [scored(f"m{number}") for number in range(60)],
            "part-1.csv.out": [scored('"x,""1"""', "Ready to Transact", [0.2, 0.2, 0.2, 0.4])],
            "manifest.json": ["not a scored line"],
        },
        expected_line_count=61,
    )
    assert (receipt.read, receipt.sequence, outcomes(receipt)) == (61, 1, {"written": 61})
    assert receipt.stages == {"Dreamer": 60, "Casual Searcher": 0, "Active Searcher": 0, "Ready To Transact": 1}
    assert receipt.predicted_stages == receipt.stages
    assert receipt.reasons == {"new": 61}
    assert set(serving.table.items) == {*(f"m{number}" for number in range(60)), 'x,"1"'}
    assert serving.table.read()['x,"1"'] == {
        "member_id": 'x,"1"',
        "value": "Ready To Transact",
        "confidence": Decimal("0.4"),
        "probabilities": {
            "Dreamer": Decimal("0.2"),
            "Casual Searcher": Decimal("0.2"),
            "Active Searcher": Decimal("0.2"),
            "Ready To Transact": Decimal("0.4"),
        },
        "since": "2020-01-30",
        "snapshot_date": "2020-01-30",
        "model_version": "model-1",
        "ttl": expiry(),
        "schema_version": 1,
    }
    live = serving.live()
    assert (live.sequence, live.run_name, live.state.members, live.state.previous) == (1, "run-1", 61, None)
    assert (live.state.first_expiry, live.state.last_expiry) == (expiry(), expiry())
    assert not serving.is_pending()
    assert_table_is_the_live_state(serving)


def test_receipt_has_what_the_manifest_says_about_the_input_of_the_snapshot(serving: Serving) -> None:
    warning = InputWarning("rows", "table", "", 1.0, 2.5)
    file = serving.root / feature_manifest_key(DAY)
    file.parent.mkdir(parents=True)
    manifest = FeatureManifest(
        1, DAY, 1, {}, "columns", "rows", ("part-0.csv",), input_warnings=(warning,), accepted_input="a holiday"
    )
    file.write_text(to_json(manifest))
    receipt = serving.push(0, {"a": "Dreamer"})
    assert (receipt.input_warnings, receipt.accepted_input) == ((warning,), "a holiday")
    # Without a manifest, as when its retention has ended.
    receipt = serving.push(1, {"a": "Dreamer"})
    assert (receipt.input_warnings, receipt.accepted_input) == ((), "")


FIRST = {"stays": "Dreamer", "moves": "Dreamer", "goes": "Active Searcher", "other": "Casual Searcher"}
LATER = {"stays": "Dreamer", "moves": "Active Searcher", "comes": "Dreamer", "other": "Casual Searcher"}


def test_stages_are_compared_with_those_of_the_snapshot_before_and_only_differences_are_written(
    serving: Serving,
) -> None:
    serving.push(0, FIRST)
    receipt = serving.push(1, LATER, served_on=f"{DAY:%Y%m%d}")
    counted = {
        then: {now: n for now, n in row.items() if n}
        for then, row in receipt.changes.transitions.items()
        if any(row.values())
    }
    assert counted == {"Dreamer": {"Dreamer": 1, "Active Searcher": 1}, "Casual Searcher": {"Casual Searcher": 1}}
    assert set(receipt.changes.transitions) == {stage.value for stage in Stage}
    assert (receipt.changes.previous_snapshot_date, receipt.changes.previous_members) == (DAY, 4)
    assert receipt.changes.flip_rate() == pytest.approx(1 / 3)
    assert outcomes(receipt) == {"written": 2, "unchanged": 2, "carried": 1}
    assert receipt.reasons == {"new": 1, "stage": 1}
    assert serving.table.requests[1] == ["comes", "moves"]
    assert serving.table.values() == {**LATER, "goes": "Active Searcher"}
    items = serving.table.read()
    assert {member: item["since"][-2:] for member, item in items.items()} == {
        "stays": "30", "moves": "31", "goes": "30", "other": "30", "comes": "31"
    }  # fmt: skip
    assert_table_is_the_live_state(serving)


def test_changed_prediction_waits_for_another_snapshot_to_agree_where_configured(serving: Serving) -> None:
    def day(number: int, a: str, b: str) -> PushReceipt:
        return serving.push(number, {"a": a, "b": b}, snapshots_before_stage_change=2, served_on=f"{DAY:%Y%m%d}")

    day(0, "Dreamer", "Dreamer")
    first = day(1, "Active Searcher", "Active Searcher")
    assert serving.table.values() == {"a": "Dreamer", "b": "Dreamer"}
    assert (first.changes.waiting, first.changes.flip_rate()) == (2, 0)
    assert (first.stages["Dreamer"], first.predicted_stages["Active Searcher"]) == (2, 2)
    assert serving.table.read()["a"]["confidence"] == Decimal("0.2"), "the probability of the served stage"
    assert day(1, "Active Searcher", "Active Searcher").unchanged == 2, "a repeated push does not count the day twice"
    second = day(2, "Active Searcher", "Dreamer")
    assert serving.table.values() == {"a": "Active Searcher", "b": "Dreamer"}
    assert (second.changes.waiting, second.changes.flip_rate()) == (0, 0.5)
    assert_table_is_the_live_state(serving)


def test_small_moves_of_probabilities_are_not_written_until_they_add_up(serving: Serving) -> None:
    def day(number: int, dreamer: float) -> PushReceipt:
        rest = (1 - dreamer) / 3
        return serving.push(number, {"a": (dreamer, rest, rest, rest)}, served_on=f"{DAY:%Y%m%d}")

    day(0, 0.5)
    assert outcomes(day(1, 0.515)) == {"unchanged": 1}
    assert serving.table.read()["a"]["confidence"] == Decimal("0.5")
    receipt = day(2, 0.52)
    assert (receipt.reasons, serving.table.read()["a"]["confidence"]) == ({"probability": 1}, Decimal("0.52"))
    assert serving.table.read()["a"]["since"] == DAY.isoformat()


def test_another_model_writes_every_item(serving: Serving) -> None:
    serving.push(0, {"a": "Dreamer", "b": "Dreamer"})
    assert serving.push(1, {"a": "Dreamer", "b": "Dreamer"}, model_version="model-2").reasons == {"model": 2}
    assert serving.live().state.model_version == "model-2"


def test_item_is_refreshed_before_it_expires_and_a_member_who_is_gone_is_not(serving: Serving) -> None:
    members = {f"m{number}": "Dreamer" for number in range(30)}
    serving.push(0, {**members, "gone": "Dreamer"})
    refreshed = []
    for day in range(1, TTL_DAYS + 1):
        receipt = serving.push(day, members)
        refreshed.append(receipt.reasons.get("ttl", 0))
        assert receipt.carried == 1
        assert min(item["ttl"] for item in serving.table.read().values() if item["member_id"] != "gone") > (
            MIDNIGHT + (day + 2) * DAY_SECONDS
        )
    assert sum(refreshed[:4]) == 30, "everyone has a slot in ttl_days + 1 - refresh_margin_days days"
    assert max(refreshed) < 20, "refreshes do not arrive in one wave"
    serving.push(TTL_DAYS + 1, members)
    assert "gone" not in serving.state()
    assert "gone" in serving.table.items, "DynamoDB deletes expired items itself"


def test_refused_lines_are_quarantined_with_the_reason_in_whichever_file_they_are(serving: Serving) -> None:
    receipt = serving.push_lines(
        DAY,
        {
            "part-0.csv.out": [scored("a"), scored("b", "Dreamer"), "", scored("d\rd")],
            "part-1.csv.out": [scored("b", "Active Searcher"), scored("c"), scored("e", "Buyer")],
        },
    )
    assert (receipt.read, outcomes(receipt)) == (7, {"written": 3, "quarantined": 4})
    assert serving.table.values() == {"a": "Dreamer", "b": "Active Searcher", "c": "Dreamer"}
    quarantined = serving.quarantined()
    assert quarantined.pop(scored("b", "Dreamer")) == "another line has the same member_id"
    assert quarantined.pop("") == "0 fields instead of 4"
    assert "control character" in quarantined.pop(scored("d\rd"))
    assert "unknown stage" in quarantined.pop(scored("e", "Buyer"))
    assert quarantined == {}


def test_missing_output_folder_is_in_the_receipt_and_the_table_stays(serving: Serving) -> None:
    serving.push(0, {"a": "Dreamer"})
    receipt = serving.push_lines(DAY + timedelta(days=1), {}, expected_line_count=2)
    assert "0 read of 2 expected" in str(receipt.find_loss())
    assert (receipt.sequence, serving.live().sequence, len(serving.table.requests)) == (None, 1, 1)


def test_suppressed_member_is_counted_and_nowhere_else(serving: Serving, suppression_secret: str) -> None:
    serving.push(0, {"stays": "Dreamer", "forgotten": "Dreamer"})
    suppress(serving.root, "forgotten", "unknown")
    lines = [scored("stays"), scored("forgotten"), scored("forgotten", "Buyer"), scored("forgotten"), "bad"]
    day = DAY + timedelta(days=1)

    receipt = serving.push_lines(day, {"part-0.csv.out": lines}, suppression_secret=suppression_secret)

    assert (receipt.read, receipt.quarantined, receipt.suppressed) == (5, 1, 3)
    assert receipt.find_loss() is None
    assert receipt.deleted == 1, "make forget-members was interrupted before it deleted the item"
    assert set(serving.table.items) == set(serving.state()) == {"stays"}
    assert set(serving.quarantined(day)) == {"bad"}
    assert [path for path in holding(serving.root, "forgotten") if path.startswith(served_items_prefix(day))] == []


@pytest.mark.usefixtures("suppression_secret")
def test_rollback_never_brings_a_forgotten_member_back(serving: Serving, suppression_secret: str) -> None:
    serving.push(0, {"stays": "Dreamer", "forgotten": "Dreamer"})
    first = serving.live().state.folder
    serving.push(1, {"stays": "Active Searcher"})
    serving.table.items.pop("forgotten")
    suppress(serving.root, "forgotten")
    receipt = serving.run(PushKind.ROLLBACK, DAY, target_state=first, suppression_secret=suppression_secret)
    assert (receipt.read, receipt.suppressed, receipt.written) == (2, 1, 1)
    assert serving.table.values() == {"stays": "Dreamer"}
    assert_table_is_the_live_state(serving)


MANY = {f"m{number:03}": list(Stage)[number % 4].value for number in range(100)}


def test_day_that_breaks_a_rule_is_held_and_the_table_stays_as_it_is(serving: Serving) -> None:
    serving.limits = LIMITS
    serving.push(0, MANY)
    items, live = dict(serving.table.items), serving.live()
    half = dict(list(MANY.items())[:50])

    held = serving.push(1, half)

    assert held.held
    assert [result.describe() for result in held.audit if result.is_broken()] == [
        "change in scored members: -0.5, allowed -0.1 to 0.25"
    ]
    assert (held.sequence, held.written, serving.table.items, serving.live()) == (None, 0, items, live)
    assert not serving.is_pending()
    forced = serving.push(1, half, serve_anyway="the lake lost the other half")
    assert (forced.held, forced.serve_anyway, forced.sequence) == (False, "the lake lost the other half", 2)
    assert forced.carried == 50
    assert_table_is_the_live_state(serving)
    # The next day is compared with the day that was served.
    assert serving.push(2, half).held is False


def test_older_day_is_refused_whatever_the_reason(serving: Serving) -> None:
    serving.limits = LIMITS
    serving.push(3, MANY)
    receipt = serving.push(2, MANY, serve_anyway="please")
    assert receipt.held
    assert [result.rule for result in receipt.audit if result.is_broken()] == [SNAPSHOT_DATE_RULE]
    assert serving.live().state.snapshot_date == DAY + timedelta(days=3)


def test_better_push_of_a_day_replaces_one_that_was_served_by_mistake(serving: Serving) -> None:
    serving.limits = LIMITS
    serving.push(0, MANY)
    serving.push(1, dict(list(MANY.items())[:50]), serve_anyway="mistake")
    assert serving.push(1, MANY).held is False
    assert serving.table.values() == MANY


def test_rollback_restores_an_earlier_state_except_for_ttl(serving: Serving) -> None:
    serving.push(0, FIRST)
    before = serving.table.read()
    serving.push(1, {**LATER, "goes": "Dreamer"})
    target = serving.live().state.previous
    served_on = f"{DAY + timedelta(days=1):%Y%m%d}"

    receipt = serving.run(PushKind.ROLLBACK, DAY, target_state=target, served_on=served_on)

    assert (receipt.read, receipt.written + receipt.unchanged, receipt.deleted) == (4, 4, 1)
    assert receipt.changes.transitions["Active Searcher"]["Dreamer"] == 1
    without_ttl = {member: {**item, "ttl": 0} for member, item in serving.table.read().items()}
    assert without_ttl == {member: {**item, "ttl": 0} for member, item in before.items()}
    live = serving.live()
    assert (live.kind, live.sequence, live.state.snapshot_date, live.state.previous) == (
        PushKind.ROLLBACK,
        3,
        DAY,
        None,
    )
    assert_table_is_the_live_state(serving)
    forward = serving.push(1, LATER)
    assert (forward.changes.previous_snapshot_date, forward.sequence) == (DAY, 4)
    assert {**serving.table.values(), "goes": ""} == {**LATER, "goes": ""}


def test_rollback_to_a_state_that_is_not_kept_is_an_error(serving: Serving) -> None:
    with pytest.raises(Exception, match="has no published state"):
        serving.run(PushKind.ROLLBACK, DAY, target_state="served-items/2020/01/01/000001-1/")
    serving.push(0, FIRST)
    with pytest.raises(Exception, match="is not a published state; choose one"):
        serving.run(PushKind.ROLLBACK, DAY, target_state="served-items/2020/01/01/000001-1/")


def test_extension_changes_nothing_but_ttl(serving: Serving) -> None:
    serving.push(0, {**FIRST, "gone": "Dreamer"})
    serving.push(1, FIRST)
    before = serving.table.read()
    served_on = DAY + timedelta(days=TTL_DAYS)
    receipt = serving.run(PushKind.TTL_EXTENSION, DAY + timedelta(days=1), served_on=f"{served_on:%Y%m%d}")
    assert outcomes(receipt) == {"written": 5}
    assert receipt.reasons == {"ttl": 5}
    assert serving.table.read() == {member: {**item, "ttl": expiry(TTL_DAYS)} for member, item in before.items()}
    live = serving.live()
    assert (live.kind, live.state.snapshot_date) == (PushKind.TTL_EXTENSION, DAY + timedelta(days=1))
    assert live.state.scored_members == 4
    assert_table_is_the_live_state(serving)


def test_next_push_corrects_what_dead_pushes_left(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glue.dynamodb_writer.BATCH_SIZE", 1)
    serving.push(0, FIRST)
    for day, scores in ((1, {"moves": "Active Searcher", "lost": "Dreamer"}), (1, {"moves": "Casual Searcher"})):
        serving.table.dies_after = len(serving.table.requests) + 1
        with pytest.raises(Killed):
            serving.push(day, scores)
        assert (serving.is_pending(), serving.live().sequence) == (True, 1)
    assert serving.table.values() != FIRST
    serving.table.dies_after = None

    receipt = serving.push(2, FIRST, served_on=f"{DAY:%Y%m%d}")

    assert (receipt.reasons, receipt.deleted, receipt.unchanged) == ({"corrected": 1}, 1, 3)
    assert serving.table.values() == FIRST
    assert not serving.is_pending()
    assert_table_is_the_live_state(serving)


def test_states_of_long_ago_are_not_needed(serving: Serving) -> None:
    serving.push(0, FIRST)
    folder = serving.root / serving.live().state.folder
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    receipt = serving.push(40, LATER)
    assert (receipt.reasons, receipt.changes.previous_snapshot_date) == ({"new": 4}, None)
    assert serving.live().sequence == 2


class Handler(BaseHTTPRequestHandler):
    """Passes the requests of Spark's workers on to a table and a bus in this process."""

    table = Table()
    bus = Bus()
    refuses = False

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.refuses:
            self._respond(400, {"__type": "com.amazonaws#AccessDeniedException", "message": "not allowed"})
        elif self.headers["X-Amz-Target"] == "AWSEvents.PutEvents":
            self._respond(200, self.bus.put_events(**body))
        else:
            assert self.headers["X-Amz-Target"].endswith(".BatchWriteItem")
            self._respond(200, self.table.batch_write_item(body["RequestItems"]))

    def _respond(self, status: int, content: dict[str, Any]) -> None:
        payload = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *_: object) -> None:
        """Write no log."""


@pytest.fixture
def workers_serving(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Serving, type[Handler]]]:
    """Return a table and a bus that Spark's workers write to, as they do on AWS."""
    with monkeypatch.context() as undone:
        serving = Serving(spark, tmp_path, undone)
    handler = type("FreshHandler", (Handler,), {"table": serving.table, "bus": serving.bus})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        # Executors on AWS do not know their region either.
        for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
            monkeypatch.delenv(name, raising=False)
        url = f"http://127.0.0.1:{server.server_port}"
        settings = {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_ENDPOINT_URL_DYNAMODB": url,
            "AWS_ENDPOINT_URL_EVENTBRIDGE": url,
        }
        for name, value in settings.items():
            monkeypatch.setitem(spark.sparkContext.environment, name, value)
            monkeypatch.setenv(name, value)
        Thread(target=server.serve_forever, daemon=True).start()
        yield serving, handler
        server.shutdown()


def test_workers_of_spark_write_the_items_and_send_the_events(workers_serving: tuple[Serving, type[Handler]]) -> None:
    serving, handler = workers_serving
    receipt = serving.push(0, MANY)
    assert (receipt.written, serving.table.values()) == (100, MANY)
    assert_table_is_the_live_state(serving)
    received = serving.bus.take()
    assert (receipt.events_sent, received.types()) == (101, ["Scores Published"])
    assert received.stages() == {member: (None, stage) for member, stage in MANY.items()}
    handler.refuses = True
    denied = serving.push(1, {**MANY, "m000": "Casual Searcher"}, served_on=f"{DAY:%Y%m%d}")
    assert (denied.failed, denied.unchanged, denied.sequence) == (1, 99, None)
    assert "AccessDeniedException" in str(denied.find_loss())
    assert (serving.live().sequence, (serving.root / PENDING_PUSH_KEY).exists()) == (1, True)


def test_time_of_publication_is_an_argument(serving: Serving) -> None:
    serving.push(0, {"a": "Dreamer"})
    arguments = replace(serving.arguments(PushKind.TTL_EXTENSION, DAY, "later"))
    now = datetime(2021, 1, 1, tzinfo=UTC)
    push(serving.spark, arguments, now)
    assert serving.live().published_at == now
