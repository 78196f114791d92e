"""The Glue job on real Spark. Moto's table is behind a small server, which Spark's workers can reach."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import boto3
import pytest
from moto import mock_aws
from pydantic import TypeAdapter
from pyspark.sql import SparkSession

from buyer_stage.domain.documents import PushReceipt, StageChanges
from buyer_stage.domain.s3_layout import push_receipt_key, quarantine_prefix, served_stages_prefix
from buyer_stage.domain.stages import Stage
from glue.push_to_dynamodb import PushArguments, parse_arguments, push
from glue.served_stages import read_previous_stages
from tests.suppression import KEY, holding, suppress

TABLE, REGION = "results", "us-west-2"
DAY = date(2020, 1, 30)
LABELS = "\"['Active Searcher', 'Casual Searcher', 'Dreamer', 'Ready To Transact']\""


def scored(member_id: str, stage: str = "Dreamer") -> str:
    return f'{member_id},{stage},{LABELS},"[0.2, 0.2, 0.4, 0.2]"'


class DynamoDBServer(ThreadingHTTPServer):
    """Passes requests on to moto, which only runs in this process."""

    daemon_threads = True
    refuses = False


class Handler(BaseHTTPRequestHandler):
    """Implements the part of DynamoDB's protocol that the job uses."""

    server: DynamoDBServer

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert self.headers["X-Amz-Target"].endswith(".BatchWriteItem")
        if self.server.refuses:
            self._respond(400, {"__type": "com.amazonaws#AccessDeniedException", "message": "not allowed"})
        else:
            client = boto3.client("dynamodb", region_name=REGION)
            unprocessed = client.batch_write_item(**body)["UnprocessedItems"]
            self._respond(200, {"UnprocessedItems": unprocessed})

    def _respond(self, status: int, content: dict[str, Any]) -> None:
        payload = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *_: object) -> None:
        """Write no log."""


@pytest.fixture
def server(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> Iterator[DynamoDBServer]:
    credentials = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    with mock_aws(), DynamoDBServer(("127.0.0.1", 0), Handler) as running:
        # Executors on AWS do not know their region either.
        for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
            monkeypatch.delenv(name, raising=False)
        for name, value in credentials.items():
            monkeypatch.setenv(name, value)
            monkeypatch.setitem(spark.sparkContext.environment, name, value)
        endpoint = f"http://127.0.0.1:{running.server_port}"
        monkeypatch.setitem(spark.sparkContext.environment, "AWS_ENDPOINT_URL_DYNAMODB", endpoint)
        boto3.client("dynamodb", region_name=REGION).create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "member_id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "member_id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


def stored() -> dict[str, dict[str, Any]]:
    found = boto3.resource("dynamodb", region_name=REGION).Table(TABLE).scan()["Items"]
    return {str(item["member_id"]): dict(item) for item in found}


class Run:
    """A folder instead of the bucket, with the transform's output in it."""

    def __init__(self, root: Path, files: dict[str, list[str]], day: date = DAY) -> None:
        self.root, self.day = root, day
        self.scored = root / "scored" / day.isoformat()
        self.scored.mkdir(parents=True)
        for name, lines in files.items():
            (self.scored / name).write_text("".join(line + "\n" for line in lines))

    def arguments(self, expected: int, *, expires_at: int = 1_600_000_000, snapshots_before: int = 1) -> PushArguments:
        return parse_arguments(
            [
                *("--transform_output", str(self.scored), "--pipeline_bucket", str(self.root)),
                *("--region", REGION),
                *("--table_name", TABLE, "--snapshot_date", f"{self.day:%Y%m%d}", "--model_version", "model-1"),
                *("--expires_at_epoch_seconds", str(expires_at), "--run_name", "run-1", "--ttl_days", "5"),
                *("--snapshots_before_stage_change", str(snapshots_before)),
                *("--expected_line_count", str(expected), "--write_partitions", "3"),
                *("--maximum_writes_per_second", "100000", "--JOB_NAME", "added-by-glue"),
            ]
        )

    def receipt(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.root / push_receipt_key(DAY, "run-1")).read_text())
        return content

    def quarantined(self) -> dict[str, str]:
        files = (self.root / quarantine_prefix(DAY, "run-1")).glob("part-*")
        refused = [json.loads(line) for file in files for line in file.read_text().splitlines()]
        return {each["line"]: each["reason"] for each in refused}


def test_every_member_becomes_an_item(spark: SparkSession, server: DynamoDBServer, tmp_path: Path) -> None:
    run = Run(
        tmp_path,
        {
            "part-0.csv.out": [scored(f"m{number}") for number in range(60)],
            "part-1.csv.out": [scored('"x,""1"""', "Ready to Transact")],
            "manifest.json": ["not a scored line"],
        },
    )
    receipt = push(spark, run.arguments(61))

    stages = {"Dreamer": 60, "Casual Searcher": 0, "Active Searcher": 0, "Ready To Transact": 1}
    none = dict.fromkeys(stages, 0)
    changes = StageChanges(None, 0, dict.fromkeys(stages, none), 0)
    assert receipt == PushReceipt(DAY, 61, 61, 61, 0, 0, stages, stages, changes, ())
    assert TypeAdapter(PushReceipt).validate_python(run.receipt()) == receipt
    assert set(stored()) == {*(f"m{number}" for number in range(60)), 'x,"1"'}
    assert stored()['x,"1"'] == {
        "member_id": 'x,"1"',
        "value": "Ready To Transact",
        "confidence": Decimal("0.2"),
        "probabilities": {
            "Dreamer": Decimal("0.4"),
            "Casual Searcher": Decimal("0.2"),
            "Active Searcher": Decimal("0.2"),
            "Ready To Transact": Decimal("0.2"),
        },
        "snapshot_date": "2020-01-30",
        "model_version": "model-1",
        "ttl": 1_600_000_000,
    }


def push_day(spark: SparkSession, root: Path, days_later: int, stages: dict[str, str], **more: int) -> PushReceipt:
    """Push a snapshot with these predictions, member -> stage."""
    lines = [scored(f'"{member}"', stage) for member, stage in stages.items()]
    run = Run(root, {"part-0.csv.out": lines}, DAY + timedelta(days=days_later))
    return push(spark, run.arguments(len(stages), **more))


def previous_of(spark: SparkSession, root: Path, day: date) -> tuple[date | None, int]:
    """Return the snapshot that a push would compare with, and how many members it has."""
    previous_date, previous = read_previous_stages(spark, str(root), day, ttl_days=5)
    return previous_date, previous.count()


def values() -> dict[str, str]:
    return {member: item["value"] for member, item in stored().items()}


FIRST = {"stays": "Dreamer", "moves": "Dreamer", "goes": "Active Searcher", "a,b": "Casual Searcher"}
LATER = {"stays": "Dreamer", "moves": "Active Searcher", "comes": "Dreamer", "a,b": "Casual Searcher"}


def test_stages_are_compared_with_those_of_the_previous_snapshot(
    spark: SparkSession, server: DynamoDBServer, tmp_path: Path
) -> None:
    push_day(spark, tmp_path, 0, FIRST)
    changes = push_day(spark, tmp_path, 2, LATER).changes
    counted = {
        then: {now: n for now, n in row.items() if n} for then, row in changes.transitions.items() if any(row.values())
    }
    assert counted == {"Dreamer": {"Dreamer": 1, "Active Searcher": 1}, "Casual Searcher": {"Casual Searcher": 1}}
    assert set(changes.transitions) == {stage.value for stage in Stage}
    assert (changes.previous_snapshot_date, changes.previous_members, changes.waiting) == (DAY, 4, 0)
    assert changes.flip_rate() == pytest.approx(1 / 3)
    assert values() == {**LATER, "goes": "Active Searcher"}


def test_changed_prediction_waits_for_another_snapshot_to_agree_where_configured(
    spark: SparkSession, server: DynamoDBServer, tmp_path: Path
) -> None:
    push_day(spark, tmp_path, 0, {"a": "Dreamer", "b": "Dreamer"}, snapshots_before=2)
    first = push_day(spark, tmp_path, 1, {"a": "Active Searcher", "b": "Active Searcher"}, snapshots_before=2)
    assert values() == {"a": "Dreamer", "b": "Dreamer"}
    assert (first.changes.waiting, first.changes.flip_rate()) == (2, 0)
    assert (first.stages["Dreamer"], first.predicted_stages["Active Searcher"]) == (2, 2)
    assert stored()["a"]["confidence"] == Decimal("0.4")
    second = push_day(spark, tmp_path, 2, {"a": "Active Searcher", "b": "Dreamer"}, snapshots_before=2)
    assert values() == {"a": "Active Searcher", "b": "Dreamer"}
    assert (second.changes.waiting, second.changes.flip_rate()) == (0, 0.5)


def test_repeated_push_changes_nothing_but_ttl(spark: SparkSession, server: DynamoDBServer, tmp_path: Path) -> None:
    push_day(spark, tmp_path, -1, FIRST)
    lines = [scored("stays"), scored("moves"), scored("moves", "Active Searcher"), "bad"]
    run = Run(tmp_path, {"part-0.csv.out": lines})
    receipt = push(spark, run.arguments(4, expires_at=1, snapshots_before=2))
    before, quarantined = stored(), run.quarantined()

    assert push(spark, run.arguments(4, expires_at=2, snapshots_before=2)) == receipt
    pushed = {member: {**before[member], "ttl": 2} for member in ("stays", "moves")}
    assert stored() == {**before, **pushed}
    assert run.quarantined() == quarantined
    assert previous_of(spark, tmp_path, DAY + timedelta(days=1)) == (DAY, 2)


def test_stages_are_compared_with_as_long_as_the_table_can_hold_them(
    spark: SparkSession, server: DynamoDBServer, tmp_path: Path
) -> None:
    push_day(spark, tmp_path, 0, FIRST)
    found = {days: previous_of(spark, tmp_path, DAY + timedelta(days))[0] for days in (-1, 0, 1, 5, 6)}
    assert found == {-1: None, 0: None, 1: DAY, 5: DAY, 6: None}
    (tmp_path / served_stages_prefix(DAY) / "_SUCCESS").unlink()
    assert previous_of(spark, tmp_path, DAY + timedelta(1)) == (None, 0), "an incomplete snapshot does not count"


def test_refused_lines_are_quarantined_with_the_reason_in_whichever_file_they_are(
    spark: SparkSession, server: DynamoDBServer, tmp_path: Path
) -> None:
    run = Run(
        tmp_path,
        {
            "part-0.csv.out": [scored("a"), scored("b", "Dreamer"), "", scored("d\rd")],
            "part-1.csv.out": [scored("b", "Active Searcher"), scored("c"), scored("e", "Buyer")],
        },
    )
    receipt = push(spark, run.arguments(7))

    assert (receipt.read, receipt.written, receipt.quarantined, receipt.failed) == (7, 3, 4, 0)
    assert sum(receipt.stages.values()) == 3
    assert {member: item["value"] for member, item in stored().items()} == {
        "a": "Dreamer",
        "b": "Active Searcher",
        "c": "Dreamer",
    }
    quarantined = run.quarantined()
    assert quarantined.pop(scored("b", "Dreamer")) == "another line has the same member_id"
    assert quarantined.pop("") == "0 fields instead of 4"
    assert "new-line character" in quarantined.pop(scored("d\rd"))
    assert "unknown stage 'Buyer'" in quarantined.pop(scored("e", "Buyer"))
    assert quarantined == {}


def test_suppressed_member_is_counted_and_nowhere_else(
    spark: SparkSession, server: DynamoDBServer, tmp_path: Path
) -> None:
    push_day(spark, tmp_path, -1, {"stays": "Dreamer", "forgotten": "Dreamer"})
    boto3.resource("dynamodb", region_name=REGION).Table(TABLE).delete_item(Key={"member_id": "forgotten"})
    suppress(tmp_path, "forgotten", "unknown")
    secret = boto3.client("secretsmanager", region_name=REGION).create_secret(Name="key", SecretString=KEY)["ARN"]
    lines = [scored("stays"), scored("forgotten"), scored("forgotten", "Buyer"), scored("forgotten"), "bad"]
    run = Run(tmp_path, {"part-0.csv.out": lines})

    receipt = push(spark, replace(run.arguments(5), suppression_secret=secret))

    assert (receipt.read, receipt.written, receipt.quarantined, receipt.suppressed) == (5, 1, 1, 3)
    assert receipt.find_loss() is None
    assert (receipt.changes.previous_members, receipt.changes.transitions["Dreamer"]["Dreamer"]) == (1, 1)
    assert set(stored()) == {"stays"}
    assert set(run.quarantined()) == {"bad"}
    assert {path.split("/")[0] for path in holding(tmp_path, "forgotten")} == {"scored", "served-stages"}
    assert [path for path in holding(tmp_path, "forgotten") if path.startswith(served_stages_prefix(DAY))] == []


def test_denied_access_is_in_the_receipt_and_keeps_no_stages(
    spark: SparkSession, server: DynamoDBServer, tmp_path: Path
) -> None:
    server.refuses = True
    run = Run(tmp_path, {"part-0.csv.out": [scored("a"), scored("b"), "bad"]})
    assert "AccessDeniedException" in str(push(spark, run.arguments(3)).find_loss())
    receipt = run.receipt()
    assert (receipt["read"], receipt["written"], receipt["quarantined"], receipt["failed"]) == (3, 0, 1, 2)
    assert not (tmp_path / served_stages_prefix(DAY)).exists(), "no item has these stages"


def test_missing_output_folder_is_in_the_receipt(spark: SparkSession, server: DynamoDBServer, tmp_path: Path) -> None:
    run = Run(tmp_path, {})
    run.scored.rmdir()
    assert "0 read of 2 expected" in str(push(spark, run.arguments(2)).find_loss())
    assert (run.receipt()["read"], run.receipt()["expected"]) == (0, 2)
    assert not (tmp_path / served_stages_prefix(DAY)).exists()
