"""A push can die anywhere, and the next one ends with the table, state and events that it would have had anyway."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from buyer_stage.domain.serving_documents import PushReceipt
from buyer_stage.spark import files
from glue import change_events, push_to_dynamodb, served_states
from glue.served_states import ServedStates
from tests.spark.serving import DAY, Killed, Serving, assert_table_is_the_live_state, scored

FIRST = {"same": "Dreamer", "moves": "Dreamer", "goes": "Active Searcher", "back": "Casual Searcher"}
SECOND = ["same,Dreamer", "moves,Active Searcher", "back,Dreamer", "comes,Dreamer"]
THIRD = ["same,Dreamer", "moves,Dreamer", "back,Casual Searcher", "late,Dreamer"]


class Deaths:
    """Counts everything that a push does to files, table and bus, and dies after one of these operations."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, serving: Serving) -> None:
        """Watch the push."""
        self.left: int | None = None
        self.done: list[str] = []
        for module in (push_to_dynamodb, served_states, change_events):
            monkeypatch.setattr(module, "write_text", self._watched("write", files.write_text))
        for module in (push_to_dynamodb, served_states):
            monkeypatch.setattr(module, "delete", self._watched("delete", files.delete))
        monkeypatch.setattr(
            push_to_dynamodb, "write_quarantine", self._watched("quarantine", push_to_dynamodb.write_quarantine)
        )
        monkeypatch.setattr(ServedStates, "write_rows", self._write_rows(ServedStates.write_rows, serving))
        monkeypatch.setattr(serving.table, "batch_write_item", self._watched("request", serving.table.batch_write_item))
        monkeypatch.setattr(serving.bus, "put_events", self._watched("events", serving.bus.put_events))

    def _watched(self, name: str, operation: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*arguments: Any, **named: Any) -> Any:
            result = operation(*arguments, **named)
            self._count(f"write {Path(arguments[1]).name}" if name == "write" else name)
            return result

        return watched

    def _write_rows(self, write_rows: Callable[..., None], serving: Serving) -> Callable[..., None]:
        """Write the rows elsewhere, and bring the files to their folder one by one, as Spark renames them."""

        def write(states: ServedStates, state: DataFrame, folder: str) -> None:
            write_rows(ServedStates(serving.spark, str(serving.root / "elsewhere")), state, folder)
            target = serving.root / folder
            shutil.rmtree(target, ignore_errors=True)
            target.mkdir(parents=True)
            self._count("folder")
            for file in sorted((serving.root / "elsewhere" / folder).iterdir()):
                shutil.copy(file, target)
                self._count("part file")

        return write

    def _count(self, name: str) -> None:
        self.done.append(name)
        if self.left is not None:
            self.left -= 1
            if self.left == 0:
                raise Killed


@pytest.fixture
def serving(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Serving:
    monkeypatch.setattr("glue.dynamodb_writer.BATCH_SIZE", 1)
    monkeypatch.setattr("glue.dynamodb_writer.REQUESTS_IN_FLIGHT", 1)
    return Serving(spark, tmp_path / "bucket", monkeypatch)


def push(serving: Serving, days_later: int, scores: list[str]) -> PushReceipt:
    lines = [*(scored(*each.split(",")) for each in scores), "bad"]
    return serving.push_lines(DAY + timedelta(days=days_later), {"part-0.csv.out": lines})


def outcome(serving: Serving) -> tuple[object, ...]:
    """Return the table, the live state's rows and description, whichever attempt wrote it, and the changes sent."""
    assert_table_is_the_live_state(serving)
    assert not serving.is_pending()
    live = serving.live()
    assert live.unsent_events == ()
    return serving.table.read(), serving.state(), replace(live, state=replace(live.state, folder="")), changes(serving)


def changes(serving: Serving) -> set[str]:
    """Return the ids of the events about members that were sent since the first day."""
    details = [json.loads(entry["Detail"]) for entry in serving.bus.entries]
    return {each["event_id"] for each in details if "member_id" in each}


class Cases:
    """Brings the bucket and the table back to where the first day left them."""

    def __init__(self, serving: Serving, deaths: Deaths) -> None:
        """Push the first day."""
        self.serving, self.deaths = serving, deaths
        serving.push(0, FIRST)
        self._saved = serving.root.with_name("saved")
        shutil.copytree(serving.root, self._saved)
        self._items = dict(serving.table.items)

    def restore(self) -> None:
        """Forget what happened after the first day."""
        shutil.rmtree(self.serving.root)
        shutil.copytree(self._saved, self.serving.root)
        self.serving.table.items = dict(self._items)
        self.serving.bus.entries = []
        self.deaths.left, self.deaths.done = None, []

    def undisturbed(self) -> tuple[list[str], tuple[object, ...], tuple[object, ...]]:
        """Return the operations of the second day, and what it and the third day alone lead to."""
        push(self.serving, 1, SECOND)
        done, second = self.deaths.done[:], outcome(self.serving)
        self.restore()
        push(self.serving, 2, THIRD)
        third = outcome(self.serving)
        return done, second, third

    def die(self, after: int) -> None:
        """Push the second day, and die after a number of operations."""
        self.restore()
        self.deaths.left = after
        with pytest.raises(Killed):
            push(self.serving, 1, SECOND)
        self.deaths.left = None


@pytest.fixture
def cases(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> Cases:
    deaths = Deaths(monkeypatch, serving)
    cases = Cases(serving, deaths)
    cases.restore()
    return cases


def test_push_that_died_between_its_items_is_corrected_by_the_next_day(cases: Cases) -> None:
    done, second, third = cases.undisturbed()
    requests = [number for number, name in enumerate(done, 1) if name == "request"]
    assert len(requests) == 3
    cases.die(after=requests[1])
    assert cases.serving.is_pending()
    push(cases.serving, 2, THIRD)
    assert outcome(cases.serving) == third
    cases.die(after=requests[-1])
    push(cases.serving, 1, SECOND)
    assert outcome(cases.serving) == second
    cases.die(after=done.index("write current.json") + 1)  # before pending.json is deleted: the day is published
    push(cases.serving, 1, SECOND)
    assert cases.serving.live().sequence == 3
    assert outcome(cases.serving)[-1] == second[-1]


@pytest.mark.matrix
def test_push_can_die_after_every_operation(cases: Cases) -> None:
    done, second, third = cases.undisturbed()
    assert {"delete", "quarantine", "folder", "part file", "request", "events"} <= set(done)
    published = done.index("write current.json") + 1
    for after in range(1, published):
        cases.die(after)
        push(cases.serving, 1, SECOND)
        assert outcome(cases.serving) == second, f"died after operation {after} of {done}"
        cases.die(after)
        push(cases.serving, 2, THIRD)
        assert outcome(cases.serving) == third, f"died after operation {after} of {done}"
    for after in range(published, len(done) + 1):
        cases.die(after)
        push(cases.serving, 1, SECOND)
        assert outcome(cases.serving)[-1] == second[-1], f"died after operation {after} of {done}"
