"""Whatever happens, table and events lead to the live state, and to the stages that writing every item would show."""

import contextlib
import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as sf

from buyer_stage.domain.serving_documents import PushKind
from buyer_stage.domain.serving_item import round_probability
from buyer_stage.domain.stage_changes import ServedStage, next_served_stage
from buyer_stage.domain.stages import Stage
from buyer_stage.domain.transform_output import InvalidScoredLineError, parse_scored_line
from buyer_stage.spark.suppression import SuppressedMembers
from glue.desired_state import join_scores
from glue.scored_lines import check_lines
from glue.served_states import ServedStates
from tests.spark.serving import (
    DAY,
    LIMITS,
    NO_LIMITS,
    TTL_DAYS,
    Killed,
    Serving,
    assert_table_is_the_live_state,
    scored,
)

MEMBERS = [f"m{number}" for number in range(12)]
SNAPSHOTS_BEFORE_CHANGE = 2
Served = dict[str, ServedStage]


@dataclass
class History:
    """Lets days, deaths, holds, rollbacks and expiries happen, and keeps what writing every item would lead to."""

    serving: Serving
    draw: random.Random
    day: int = 0
    served: dict[str, Served] = field(default_factory=dict)
    """Folder of a published state -> member scored then -> stage."""

    def push(self) -> None:
        """Push a day with random stages for most members."""
        self.day += self.draw.choice((0, 1, 1, 1, 2, TTL_DAYS + 3))
        self.expire()
        before = self._served_before()
        scores = {member: self.draw.choice(list(Stage)) for member in MEMBERS if self.draw.random() < 0.8}
        if not scores:
            return
        receipt = self.serving.push(self.day, scores, snapshots_before_stage_change=SNAPSHOTS_BEFORE_CHANGE)
        if receipt.sequence is None:
            return
        assert receipt.read == receipt.written + receipt.unchanged
        expected = {
            member: next_served_stage(stage, before.get(member), SNAPSHOTS_BEFORE_CHANGE)
            for member, stage in scores.items()
        }
        self.served[self.serving.live().state.folder] = expected
        state = self.serving.state()
        shown = {
            member: ServedStage(Stage(state[member]["stage"]), state[member]["disagreeing_snapshots"])
            for member in scores
        }
        assert shown == expected

    def _served_before(self) -> Served:
        """Return what the snapshot before has left in the table, from the states that the push may compare with."""
        if not self.serving.has_published():
            return {}
        states = ServedStates(self.serving.spark, str(self.serving.root))
        state = self.serving.live().state
        while state is not None and state.snapshot_date >= DAY + timedelta(days=self.day):
            state = states.description(state.previous) if state.previous else None
        rows = self.serving.state(state) if state else {}
        begins_at = (datetime(2020, 1, 30, tzinfo=UTC) + timedelta(days=self.day)).timestamp()
        return {
            member: ServedStage(Stage(row["stage"]), row["disagreeing_snapshots"])
            for member, row in rows.items()
            if row["ttl"] > begins_at
        }

    def die(self) -> None:
        """Begin to push a day, and die after some requests."""
        self.serving.table.dies_after = len(self.serving.table.requests) + self.draw.randint(1, 4)
        with contextlib.suppress(Killed):
            self.push()
        self.serving.table.dies_after = None

    def lose_events(self) -> None:
        """Push a day while the bus refuses all events. A push after it sends them."""
        self.serving.bus.refuses = True
        self.push()
        self.serving.bus.refuses = False

    def hold(self) -> None:
        """Push half a day, which breaks a rule unless it is the first one."""
        self.serving.limits = LIMITS
        before = dict(self.serving.table.items)
        receipt = self.serving.push(self.day, {"m0": "Dreamer"})
        self.serving.limits = NO_LIMITS
        if receipt.held:
            assert self.serving.table.items == before
        else:
            self.served[self.serving.live().state.folder] = {"m0": ServedStage(Stage.DREAMER)}

    def roll_back(self) -> None:
        """Go back to a random published state."""
        if not self.served:
            return
        folder = self.draw.choice(list(self.served))
        target = ServedStates(self.serving.spark, str(self.serving.root)).description(folder)
        assert target is not None
        served_on = f"{DAY + timedelta(days=self.day):%Y%m%d}"
        self.serving.run(PushKind.ROLLBACK, target.snapshot_date, target_state=folder, served_on=served_on)
        self.day = (target.snapshot_date - DAY).days

    def expire(self) -> None:
        """Let DynamoDB delete what has expired when the day begins."""
        begins_at = (datetime(2020, 1, 30, tzinfo=UTC) + timedelta(days=self.day)).timestamp()
        items = self.serving.table.items
        for member in [member for member, item in items.items() if int(item["ttl"]["N"]) <= begins_at]:
            del items[member]


def follow(serving: Serving, seed: int, events: int) -> None:
    history = History(serving, random.Random(seed))  # events of a test
    names = ("push", "push", "push", "die", "hold", "roll_back", "lose_events")
    for _ in range(events):
        getattr(history, history.draw.choice(names))()
        if serving.has_published() and not serving.is_pending():
            assert_table_is_the_live_state(serving)
    history.push()
    assert_table_is_the_live_state(serving)
    assert_events_lead_to_the_live_state(serving)


def assert_events_lead_to_the_live_state(serving: Serving) -> None:
    """Check that a consumer who has seen all events knows the stage of every member who is served."""
    assert serving.live().unsent_events == ()
    changes = {each["event_id"]: each for each in serving.bus.take().changes}
    known: dict[str, str | None] = {}
    for each in sorted(changes.values(), key=lambda each: each["sequence"]):
        # A member who has expired is new.
        assert each["from"] in (None, known.get(each["member_id"]))
        known[each["member_id"]] = each["to"]
    state = serving.state()
    assert {member: known[member] for member in state} == {member: row["stage"] for member, row in state.items()}


@pytest.fixture
def serving(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Serving:
    monkeypatch.setattr("glue.dynamodb_writer.BATCH_SIZE", 2)
    monkeypatch.setattr("glue.dynamodb_writer.REQUESTS_IN_FLIGHT", 1)
    return Serving(spark, tmp_path, monkeypatch)


def test_table_equals_the_live_state_after_anything(serving: Serving) -> None:
    follow(serving, seed=1, events=6)


@pytest.mark.matrix
@pytest.mark.parametrize("seed", range(2, 14))
def test_table_equals_the_live_state_after_anything_longer(serving: Serving, seed: int) -> None:
    follow(serving, seed, events=14)


@pytest.mark.matrix
def test_a_quarter_of_the_items_is_written_per_day(serving: Serving) -> None:
    draw = random.Random(7)  # stages of a test
    stages = {f"m{number:04}": draw.choice(list(Stage)) for number in range(2000)}
    serving.push(0, stages, ttl_days=7)
    written, refreshed = [], []
    for day in range(1, 15):
        for member in draw.sample(sorted(stages), len(stages) // 20):
            stages[member] = draw.choice([stage for stage in Stage if stage is not stages[member]])
        receipt = serving.push(day, stages, ttl_days=7)
        written.append(receipt.written / len(stages))
        refreshed.append(receipt.reasons["ttl"])
    print([f"{share:.3f}" for share in written], refreshed)
    assert sum(written) / len(written) <= 0.25
    assert max(refreshed) <= 2 * sum(refreshed) / len(refreshed)


def test_spark_decides_the_served_stage_as_defined(spark: SparkSession) -> None:
    cases = [
        (predicted, served, disagreeing, limit)
        for limit in (1, 2, 3)
        for predicted in Stage
        for served in (None, *Stage)
        for disagreeing in range(3 if served else 1)
    ]
    checked_schema = (
        "member_id string, predicted string, probabilities array<decimal(7,6)>, line string, refusal string, "
        "is_suppressed boolean"
    )
    equal = [round_probability("0.25")] * 4
    for limit in (1, 2, 3):
        chosen = [case for case in cases if case[3] == limit]
        checked = spark.createDataFrame(
            [(f"m{n}", case[0].value, equal, None, None, False) for n, case in enumerate(chosen)],
            checked_schema,
        )
        live = ServedStates(spark, "unused").rows(None)
        rows = [
            (f"m{n}", case[1].value, equal, "model", DAY, DAY, 1, case[2]) for n, case in enumerate(chosen) if case[1]
        ]
        live = spark.createDataFrame(rows, live.schema).withColumn("is_suppressed", sf.lit(False))
        joined = join_scores(
            checked, live, None,
            snapshot_date=date(2020, 2, 1), model_version="model", snapshots_before_change=limit,
        )  # fmt: skip
        found = {
            row.member_id: ServedStage(Stage(row.source.stage), row.source.disagreeing_snapshots)
            for row in joined.collect()
        }
        assert found == {
            f"m{n}": next_served_stage(predicted, ServedStage(served, disagreeing) if served else None, limit)
            for n, (predicted, served, disagreeing, _) in enumerate(chosen)
        }


NUMBERS = (
    "0.25",
    "0.5",
    "0.2500001",
    "0.1",
    "0",
    "1",
    "1e-05",
    "0.3333333333333333",
    "1.5",
    "x",
    "-0.1",
)
LABELS = (*(stage.value for stage in Stage), "Ready to Transact", "Buyer")
MEMBER_IDS = ("m1", "a b", '"x,1"', "", " m2", "m3 ", "é", "a'b", "#-~!", "[m]")
ODD_LINES = (
    scored("m1") + " ",
    scored("m1").replace(",", ", "),
    scored("m1").upper(),
    scored("m" * 300),
    *("", "m", "a,b", "[]", "a\rb", "a,'[,]'", '"', '"a""'),
)


def random_line(draw: random.Random) -> str:
    """Return a line that is usual, or nearly."""
    if draw.random() < 0.1:
        return draw.choice(ODD_LINES)
    stages = [stage.value for stage in Stage]
    labels = draw.sample(stages, 4) if draw.random() < 0.8 else draw.choices(LABELS, k=draw.randint(3, 5))
    certain = draw.choice((["0.25"] * 4, ["0.4", "0.3", "0.2", "0.1"], ["0.5", "0.5", "1e-05", "0"]))
    numbers = certain if draw.random() < 0.6 else draw.choices(NUMBERS, k=draw.randint(3, 5))
    quoted = ", ".join(f"'{label}'" for label in labels)
    return f'{draw.choice(MEMBER_IDS)},{draw.choice(LABELS)},"[{quoted}]","[{", ".join(numbers)}]"'


def test_spark_reads_lines_as_defined(spark: SparkSession) -> None:
    draw = random.Random(5)  # lines of a test
    lines = sorted({random_line(draw) for _ in range(2000)})
    assert len(lines) > 500
    checked = {}
    for line in lines:
        try:
            checked[line] = parse_scored_line(line)
        except InvalidScoredLineError as error:
            checked[line] = str(error)  # type: ignore[assignment]
    first_of = {}
    for line, outcome in checked.items():
        if not isinstance(outcome, str):
            first_of.setdefault(outcome.member_id, line)
    frame = spark.createDataFrame([(line,) for line in lines], "line string")
    rows = check_lines(frame, SuppressedMembers()).collect()
    refused = Counter((row.line, row.refusal) for row in rows if row.refusal)
    accepted = {row.member_id: (row.predicted, row.probabilities) for row in rows if row.refusal is None}
    assert accepted == {
        member: (
            checked[line].stage.value,
            [round_probability(repr(checked[line].probabilities[stage])) for stage in Stage],
        )
        for member, line in first_of.items()
    }
    repeated = "another line has the same member_id"
    assert refused == Counter(
        (line, outcome if isinstance(outcome, str) else repeated)
        for line, outcome in checked.items()
        if isinstance(outcome, str) or first_of[outcome.member_id] != line
    )
