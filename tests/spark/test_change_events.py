"""The events that a push sends, on real Spark: which ones, once, and all of them whatever dies."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from buyer_stage.domain.s3_layout import CURRENT_PUBLICATION_KEY, stage_changes_prefix
from buyer_stage.domain.serving_documents import PushKind
from buyer_stage.domain.stages import Stage
from glue.change_events import ChangeSets
from tests.spark.serving import DAY, LIMITS, TTL_DAYS, Killed, Serving
from tests.suppression import holding, suppress

FIRST = {"stays": "Dreamer", "moves": "Dreamer", "goes": "Active Searcher", "other": "Casual Searcher"}
LATER = {"stays": "Dreamer", "moves": "Active Searcher", "comes": "Dreamer", "other": "Casual Searcher"}
TODAY = f"{DAY:%Y%m%d}"


@pytest.fixture
def serving(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Serving:
    return Serving(spark, tmp_path, monkeypatch)


def test_first_day_announces_every_member_and_itself(serving: Serving) -> None:
    receipt = serving.push(0, {"a": (0.1, 0.2, 0.7, 0.0), "b": "Dreamer"})
    received = serving.bus.take()
    assert received.stages() == {"a": (None, "Active Searcher"), "b": (None, "Dreamer")}
    assert received.changes[0] == {
        "detail_type": "Member Stage Changed",
        "event_id": received.changes[0]["event_id"],
        "member_id": "a",
        "from": None,
        "to": "Active Searcher",
        "confidence": 0.7,
        "snapshot_date": DAY.isoformat(),
        "model_version": "model-1",
        "sequence": 1,
        "schema_version": 1,
    }
    assert received.runs == [
        {
            "detail_type": "Scores Published",
            "event_id": received.runs[0]["event_id"],
            "snapshot_date": DAY.isoformat(),
            "model_version": "model-1",
            "sequence": 1,
            "members": {"Dreamer": 1, "Casual Searcher": 0, "Active Searcher": 1, "Ready To Transact": 0},
            "changes": 2,
            "run_name": "run-1",
            "execution_name": "execution-1",
            "schema_version": 1,
        }
    ]
    assert (receipt.events_sent, receipt.events_failed, len(received.ids())) == (3, 0, 3)
    assert serving.live().unsent_events == ()


def test_later_day_announces_only_changed_stages(serving: Serving) -> None:
    serving.push(0, FIRST)
    serving.bus.take()
    receipt = serving.push(1, LATER)
    received = serving.bus.take()
    assert received.stages() == {"moves": ("Dreamer", "Active Searcher"), "comes": (None, "Dreamer")}
    assert (received.types(), received.runs[0]["changes"], receipt.events_sent) == (["Scores Published"], 2, 3)


def test_moved_probability_and_refreshed_ttl_are_no_changes(serving: Serving) -> None:
    serving.push(0, {"a": (0.4, 0.2, 0.2, 0.2), "b": "Dreamer"})
    serving.bus.take()
    assert serving.push(TTL_DAYS - 1, {"a": (0.7, 0.1, 0.1, 0.1), "b": "Dreamer"}).written == 2
    assert serving.bus.take().stages() == {}
    extended = serving.run(PushKind.TTL_EXTENSION, DAY + timedelta(days=TTL_DAYS - 1), served_on="20200208")
    assert (extended.written, extended.events_sent, serving.bus.entries) == (2, 0, [])


def test_repeated_push_sends_no_change_again(serving: Serving) -> None:
    serving.push(0, FIRST)
    serving.bus.take()
    repeated = serving.push(0, FIRST)
    assert (serving.bus.take().stages(), repeated.events_sent) == ({}, 1)


def test_rollback_sends_the_changes_back_with_ids_of_its_own(serving: Serving) -> None:
    serving.push(0, FIRST)
    serving.push(1, LATER)
    forth = serving.bus.take()
    target = serving.live().state.previous
    serving.run(PushKind.ROLLBACK, DAY, target_state=target, served_on=f"{DAY + timedelta(days=1):%Y%m%d}")
    back = serving.bus.take()
    assert back.stages() == {"moves": ("Active Searcher", "Dreamer"), "comes": ("Dreamer", None)}
    assert [each["confidence"] for each in back.changes] == [None, 0.4]
    assert (back.types(), {each["sequence"] for each in back.changes}) == (["Scores Rolled Back"], {3})
    assert back.runs[0]["snapshot_date"] == DAY.isoformat()
    assert not back.ids() & forth.ids()
    serving.push(1, LATER)
    again = serving.bus.take()
    assert again.stages() == {"moves": ("Dreamer", "Active Searcher"), "comes": (None, "Dreamer")}
    assert not again.ids() & (forth.ids() | back.ids())


def test_held_day_sends_one_event_that_keeps_its_id(serving: Serving) -> None:
    many = {f"m{number:03}": list(Stage)[number % 4].value for number in range(100)}
    half = dict(list(many.items())[:50])
    serving.limits = LIMITS
    serving.push(0, many)
    serving.bus.take()
    assert serving.push(1, half).events_sent == 1
    held = serving.bus.take()
    assert (held.types(), held.stages()) == (["Scores Held"], {})
    assert (held.runs[0]["sequence"], held.runs[0]["changes"], sum(held.runs[0]["members"].values())) == (1, 0, 50)
    serving.push(1, half, run_name="run-2")
    assert serving.bus.take().ids() == held.ids()


def test_corrected_items_are_no_changes_and_a_dead_push_sends_nothing(
    serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("glue.dynamodb_writer.BATCH_SIZE", 1)
    serving.push(0, FIRST)
    serving.bus.take()
    serving.table.dies_after = len(serving.table.requests) + 1
    with pytest.raises(Killed):
        serving.push(1, {"moves": "Casual Searcher", "lost": "Dreamer"})
    serving.table.dies_after = None
    assert serving.bus.entries == []
    serving.push(2, {**FIRST, "stays": "Active Searcher"})
    assert serving.bus.take().stages() == {"stays": ("Dreamer", "Active Searcher")}


def test_sender_that_dies_sends_the_rest_with_the_same_ids(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glue.change_events.REQUESTS_IN_FLIGHT", 1)
    members = {f"m{number:02}": "Dreamer" for number in range(35)}
    serving.bus.dies_after = 2
    with pytest.raises(Killed):
        serving.push(0, members)
    died = serving.bus.take()
    assert len(died.changes) == 20
    assert len(serving.live().unsent_events) == 1
    serving.bus.dies_after = None

    receipt = serving.push(0, members, run_name="run-2")

    resumed = serving.bus.take()
    assert died.ids() < resumed.ids()
    assert set(resumed.stages()) == set(members)
    assert resumed.types() == ["Scores Published", "Scores Published"]
    assert (receipt.written, receipt.unchanged, receipt.events_sent) == (0, 35, 37)
    assert serving.live().unsent_events == ()


def test_refused_events_are_a_loss_and_the_next_push_of_any_kind_sends_them_in_order(serving: Serving) -> None:
    serving.push(0, FIRST)
    serving.bus.take()
    serving.bus.refuses = True
    refused = serving.push(1, LATER, served_on=TODAY)
    assert (refused.sequence, refused.events_sent, refused.events_failed) == (2, 0, 3)
    assert str(refused.find_loss()) == (
        "EventBridge did not accept 3 of the change events, and the table is complete: 4 read of 4 expected, 2 "
        f"written, 2 unchanged, 0 quarantined, 0 failed, 0 suppressed; {refused.errors[0]}"
    )
    assert refused.errors == ("PutEvents: AccessDeniedException",)
    serving.push(2, FIRST)
    assert len(serving.live().unsent_events) == 2
    serving.bus.refuses = False
    receipt = serving.run(PushKind.TTL_EXTENSION, DAY + timedelta(days=2), served_on="20200206")
    received = serving.bus.take()
    assert [each["sequence"] for each in received.runs] == [2, 3]
    assert [each["sequence"] for each in received.changes] == [2, 2, 3]
    assert (receipt.events_sent, receipt.find_loss(), serving.live().unsent_events) == (5, None, ())


def test_set_that_is_not_kept_is_a_failure_once(serving: Serving) -> None:
    serving.bus.refuses = True
    serving.push(0, FIRST)
    serving.bus.refuses = False
    prefix = stage_changes_prefix(DAY, 1, 1)
    (serving.root / f"{prefix.removesuffix('/')}.json").unlink()
    receipt = serving.push(1, FIRST)
    assert (receipt.events_failed, receipt.errors) == (1, (f"S3 does not keep {prefix} anymore",))
    assert serving.push(2, FIRST).find_loss() is None


def test_forgotten_member_gets_no_event(serving: Serving, suppression_secret: str) -> None:
    serving.push(0, {"stays": "Dreamer", "forgotten": "Dreamer"})
    suppress(serving.root, "forgotten")
    serving.bus.take()
    receipt = serving.push(1, {"stays": "Active Searcher"}, suppression_secret=suppression_secret)
    assert (receipt.deleted, set(serving.bus.take().stages())) == (1, {"stays"})
    assert not [
        path
        for path in holding(serving.root, "forgotten")
        if path.startswith(stage_changes_prefix(DAY + timedelta(days=1), 2, 1))
    ]


def test_set_of_changes_is_kept_with_its_summary(serving: Serving) -> None:
    serving.push(0, FIRST)
    folder = stage_changes_prefix(DAY, 1, 1)
    sets = ChangeSets(serving.spark, str(serving.root))
    assert {row["member_id"] for row in sets.rows(folder).collect()} == set(FIRST)
    summary = sets.summary(folder)
    assert summary is not None
    assert (summary["detail_type"], summary["detail"]["changes"]) == ("Scores Published", 4)


def test_publication_of_an_earlier_version_has_no_unsent_events(serving: Serving) -> None:
    serving.push(0, FIRST)
    current = serving.root / CURRENT_PUBLICATION_KEY
    document = json.loads(current.read_text())
    del document["unsent_events"]
    current.write_text(json.dumps(document))
    assert serving.push(1, FIRST).find_loss() is None
