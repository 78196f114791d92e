"""The kept states are listed with what happened to them, and a rollback goes from the live state to a kept one."""

import io
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import Any

import boto3
import pytest
from moto import mock_aws
from rich.console import Console

from buyer_stage.domain.documents import to_json
from buyer_stage.domain.errors import InvalidInputError, InvalidManifestError
from buyer_stage.domain.s3_layout import (
    CURRENT_PUBLICATION_KEY,
    PENDING_PUSH_KEY,
    push_receipt_key,
    served_state_key,
    served_state_prefix,
)
from buyer_stage.domain.serving_documents import (
    PendingPush,
    Publication,
    PushKind,
    PushReceipt,
    ServedState,
    StageChanges,
)
from tests.function_environment import FUNCTION_ENVIRONMENT, REGION
from tools import scores
from tools.execution import Execution
from tools.scores import Bucket, roll_back, show

BUCKET = "buyer-stage-ml-pipeline-dev-123456789012"
MACHINE = "arn:aws:states:us-west-2:123456789012:stateMachine:buyer-stage-ml-pipeline-dev"
PUBLISHED_AT = datetime(2026, 11, 30, 10, 40, tzinfo=UTC)


class Table:
    """The documents that pushes leave behind."""

    def __init__(self) -> None:
        self.s3 = boto3.client("s3")
        self.live: str | None = None

    def put(self, key: str, text: str) -> None:
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=text.encode())

    def write(
        self,
        sequence: int,
        day: int,
        *,
        attempt: int = 1,
        kind: PushKind = PushKind.SCORES,
        published: bool = True,
        kept: bool = True,
        written: int = 0,
        deleted: int = 0,
    ) -> str:
        """Write a state of a day in November, and publish it."""
        snapshot_date = date(2026, 11, day)
        folder = served_state_prefix(snapshot_date, sequence, attempt)
        stages = {"Dreamer": 60, "Active Searcher": 30 + day}
        state = ServedState(folder, snapshot_date, f"buy-dev-{day:010}-1", 100 + day, 90 + day, stages, 1, 2, self.live)
        if kept:
            self.put(f"{folder}part-00000.parquet", "rows")
        self.put(served_state_key(folder), to_json(state))
        if published:
            name = f"run-{sequence}"
            receipt = PushReceipt(
                snapshot_date,
                kind,
                sequence,
                expected=5,
                read=5,
                changes=StageChanges(None, 0, {}, 0),
                written=written,
                unchanged=5 - written,
                deleted=deleted,
            )
            self.put(push_receipt_key(snapshot_date, name), to_json(receipt))
            publication = Publication(sequence, kind, PUBLISHED_AT, name, "daily", state)
            self.put(CURRENT_PUBLICATION_KEY, to_json(publication))
            self.live = folder
        return folder


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[Table]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, FUNCTION_ENVIRONMENT[name])
    monkeypatch.delenv("CI", raising=False)
    with mock_aws():
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
        created = Table()
        created.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        yield created


def bucket() -> Bucket:
    return Bucket(boto3.client("s3"), BUCKET)


def console() -> Console:
    return Console(file=io.StringIO(), width=200)


def text(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def listed() -> list[list[str]]:
    """Return the cells of the listed rows."""
    shown = console()
    show(bucket().read(), shown)
    return [[cell.strip() for cell in line.split("│")[1:-1]] for line in text(shown).splitlines() if "│" in line]


def test_states_are_listed_newest_first_with_their_counts(table: Table) -> None:
    table.write(9, 26)
    table.write(10, 27)

    newest, before = listed()

    assert newest == [
        "10 (live)", "2026-11-27", "2026-11-30 10:40", "scores", "buy-dev-0000000027-1", "127", "117", "60", "0", "57",
        "0",
    ]  # fmt: skip
    assert before[0] == "9"
    assert before[2] != "-"  # when the receipt was written
    assert before[3:7] == ["scores", "buy-dev-0000000026-1", "126", "116"]


def test_sequences_are_numbers_so_a_rollback_is_newer_than_a_later_snapshot(table: Table) -> None:
    table.write(8, 26)
    table.write(9, 27)
    table.write(10, 26, kind=PushKind.ROLLBACK)
    table.write(11, 26, kind=PushKind.TTL_EXTENSION)

    assert [[row[0], row[1], row[3]] for row in listed()] == [
        ["11 (live)", "2026-11-26", "ttl extension"],
        ["10", "2026-11-26", "rollback"],
        ["9", "2026-11-27", "scores"],
        ["8", "2026-11-26", "scores"],
    ]


def test_state_that_was_never_published_has_neither_kind_nor_time(table: Table) -> None:
    table.write(9, 26)
    table.write(10, 27, published=False)
    table.write(10, 27, attempt=2)

    assert [row[2:4] for row in listed()] == [["2026-11-30 10:40", "scores"], ["-", "-"], [listed()[2][2], "scores"]]


def test_state_whose_rows_have_expired_is_not_kept(table: Table) -> None:
    table.write(9, 26, kept=False)
    table.write(10, 27)

    assert [row[0] for row in listed()] == ["10 (live)"]


def test_pending_states_are_listed_with_what_the_next_push_does(table: Table) -> None:
    table.write(9, 26)
    pending = served_state_prefix(date(2026, 11, 27), 10, 1)
    table.put(f"{pending}part-00000.parquet", "rows")
    table.put(PENDING_PUSH_KEY, to_json(PendingPush((pending,))))
    shown = console()
    show(bucket().read(), shown)

    assert f"pending: {pending}. A push is writing this state, or died" in text(shown)
    assert [row[0] for row in listed()] == ["9 (live)"]


def test_without_a_state_the_list_says_so(table: Table) -> None:
    shown = console()
    show(bucket().read(), shown)

    assert text(shown) == "No state is kept. The next execution of the ML pipeline publishes one.\n"


def test_damaged_description_is_an_error_that_names_the_file(table: Table) -> None:
    folder = table.write(9, 26)
    table.put(served_state_key(folder), "{}")

    with pytest.raises(InvalidManifestError, match=f"{served_state_key(folder)} is damaged"):
        bucket().read()


@pytest.mark.parametrize(("rollback_to", "sequence"), [("previous", 11), ("20261126", 10), ("20261127", 11)])
def test_rollback_goes_to_the_previous_state_or_to_the_latest_of_a_day(
    table: Table, rollback_to: str, sequence: int
) -> None:
    for number, day in ((9, 26), (10, 26), (11, 27), (12, 28)):
        table.write(number, day)
    live, target = bucket().read().find(rollback_to)

    assert (live.order, target.order) == ((12, 1), (sequence, 1))


def test_rollback_to_the_live_snapshot_goes_to_another_state_of_it(table: Table) -> None:
    for number, day in ((9, 26), (10, 27), (11, 27)):
        table.write(number, day)

    assert bucket().read().find("20261127")[1].order == (10, 1)


@pytest.mark.parametrize(
    ("rollback_to", "message"),
    [
        ("previous", "the state before the live one is not kept; choose one of these snapshots: 2026-11-25"),
        ("20261126", "another state of snapshot 2026-11-26 than the live one is not kept"),
        ("20261127", "another state of snapshot 2026-11-27 than the live one is not kept"),
    ],
)
def test_rollback_to_a_state_that_is_not_kept_is_refused(table: Table, rollback_to: str, message: str) -> None:
    table.write(8, 25)
    table.write(9, 26, kept=False)
    table.write(10, 27)

    with pytest.raises(InvalidInputError, match=message):
        bucket().read().find(rollback_to)


def test_rollback_before_the_first_publication_is_refused(table: Table) -> None:
    with pytest.raises(InvalidInputError, match="no state is live"):
        bucket().read().find("previous")


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, table: Table) -> list[dict[str, Any]]:
    """Two states, and the inputs of the executions that were started. Each of them publishes the first state again."""
    table.write(9, 26)
    table.write(10, 27)
    inputs: list[dict[str, Any]] = []

    def execute(machine: str, execution_input: dict[str, Any], _: Console) -> Execution:
        assert machine == f"{MACHINE}:live"
        inputs.append(execution_input)
        table.write(11, 26, kind=PushKind.ROLLBACK, written=4, deleted=2)
        return Execution("arn", "SUCCEEDED", output={"upload": {"changed_items": 6}})

    monkeypatch.setattr(scores, "run", execute)
    monkeypatch.setattr(scores, "find_state_machine", lambda *_: MACHINE)
    return inputs


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Set the answer of the person. Without one, the person must not be asked."""

    def fail(*_: str) -> str:
        raise AssertionError("the person was asked")

    monkeypatch.setattr("builtins.input", fail)
    return lambda reply: monkeypatch.setattr("builtins.input", lambda *_: reply)


def test_rollback_shows_both_states_asks_and_counts_what_it_changed(
    started: list[dict[str, Any]], answer: Callable[[str], None]
) -> None:
    answer("yes")
    shown = console()

    assert roll_back("dev", "20261126", shown)
    assert started == [{"rollback_to": "20261126"}]
    assert "from: state 10 of snapshot 2026-11-27 (127 members, model buy-dev-0000000027-1)" in text(shown)
    assert "to:   state 9 of snapshot 2026-11-26 (126 members, model buy-dev-0000000026-1)" in text(shown)
    assert "4 items written, 2 deleted, 1 unchanged" in text(shown)


def test_nothing_is_started_without_a_yes(started: list[dict[str, Any]], answer: Callable[[str], None]) -> None:
    answer("y")
    shown = console()

    assert not roll_back("dev", "previous", shown)
    assert started == []
    assert text(shown).endswith("Nothing was changed.\n")


def test_refused_rollback_asks_nothing_and_starts_nothing(
    started: list[dict[str, Any]], answer: Callable[[str], None]
) -> None:
    with pytest.raises(InvalidInputError, match="is not kept"):
        roll_back("dev", "20261101", console())
    assert started == []


def test_workflow_is_not_asked_and_reads_no_state(
    started: list[dict[str, Any]], answer: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    monkeypatch.setattr(scores, "find_bucket", lambda _: pytest.fail("the role of a workflow cannot read the bucket"))
    shown = console()

    assert roll_back("dev", "previous", shown)
    assert started == [{"rollback_to": "previous"}]
    assert '"changed_items": 6' in text(shown)


def test_execution_that_fails_is_a_failure(
    table: Table, started: list[dict[str, Any]], answer: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scores, "run", lambda *_: Execution("arn", "FAILED", error="InvalidInputError"))
    answer("yes")

    assert not roll_back("dev", "previous", console())


def test_command_exits_with_the_message_of_a_refusal(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scores, "require", lambda _: None)
    for options, message in (
        (["--to", "2026-11-27"], "is not a day written as YYYYMMDD"),
        (["--to", "20261127"], "no state is live"),
    ):
        monkeypatch.setattr("sys.argv", ["scores", "rollback", "--environment", "dev", *options])
        with pytest.raises(SystemExit, match=message):
            scores.main()


def test_command_lists_the_states(
    table: Table, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(scores, "require", lambda _: None)
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setattr("sys.argv", ["scores", "list", "--environment", "dev"])
    table.write(9, 26)
    scores.main()

    assert "9 (live)" in capsys.readouterr().out
