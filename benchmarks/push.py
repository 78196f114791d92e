"""Measures what a push costs on one machine, next to awswrangler, against a table that answers after a fixed time.

    python -m benchmarks.push [--members 200000] [--latency-ms 8]

Four days are pushed: the first one, on which every item is new and makes an event; one without any change; one on which
5% of the stages change; and one on which every item is written again, because it would expire. awswrangler writes all
items of a day. The table is a server in a process of its own, which accepts all items. CPU seconds are those of all
processes of the writer, with the start of Spark.
"""

import argparse
import json
import os
import random
import shutil
import sys
import time
from collections.abc import Iterator
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import awswrangler as wr
from rich.console import Console
from rich.table import Table

from benchmarks.etl.__main__ import OUT, measure
from buyer_stage.domain.features import MEMBER_ID
from buyer_stage.domain.s3_layout import push_receipt_key
from buyer_stage.domain.stages import Stage
from buyer_stage.domain.transform_output import parse_scored_line
from tools.local_spark import COMPILED_JAVA_OPTIONS, MANY_PARTITIONS, local_spark_submit
from tools.repository import REPOSITORY

TABLE = "fake"
KEYS = [{"AttributeName": MEMBER_ID, "KeyType": "HASH"}]
ANSWERS: dict[str, dict[str, Any]] = {
    "BatchWriteItem": {"UnprocessedItems": {}},
    "DescribeTable": {"Table": {"TableName": TABLE, "KeySchema": KEYS}},
}
DAY = date(2020, 3, 1)
SEED = 3
CHANGED = 0.05
"""Share of the members whose stage changes on the third day."""
TTL_DAYS = 7
UNLIMITED = {
    "lowest_member_change": -1e9,
    "highest_member_change": 1e9,
    "stage_mix_psi": 1e9,
    "stage_mix_psi_of_new_model": 1e9,
    "flip_rate": 1e9,
    "flip_rate_of_new_model": 1e9,
    "quarantined_share": 1e9,
    "quarantined_lines": 1e9,
}


def serve(latency_seconds: float, port: Connection) -> None:
    """Answer the requests of DynamoDB and EventBridge after a fixed time, and send the port that they go to."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # headers and body are two packets

        def do_POST(self) -> None:
            request = self.rfile.read(int(self.headers["Content-Length"]))
            time.sleep(latency_seconds)
            operation = self.headers["X-Amz-Target"].rpartition(".")[2]
            if operation == "PutEvents":
                answer = {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}] * len(json.loads(request)["Entries"])}
            else:
                answer = ANSWERS[operation]
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    port.send(server.server_address[1])
    server.serve_forever()


def scored_lines(members: int, changed: float) -> Iterator[str]:
    """Return scored lines, as Autopilot's container writes them.

    Args:
        members: number of lines.
        changed: share of the members who have another stage than without a change.
    """
    draw = random.Random(SEED)  # noqa: S311  # made-up predictions
    labels = ", ".join(f"'{stage.value}'" for stage in Stage)
    for number in range(members):
        weights = [draw.random() for _ in Stage]
        if draw.random() < changed:
            weights = weights[1:] + weights[:1]
        probabilities = [weight / sum(weights) for weight in weights]
        stage = list(Stage)[probabilities.index(max(probabilities))].value
        yield f'm{number:08x},{stage},"[{labels}]","[{", ".join(map(repr, probabilities))}]"\n'


def push(name: str, bucket: Path, day: date, members: int, changed: float, table: Table, served_on: date = DAY) -> None:
    """Push a day, and add a row to the table of results. Unless it is served later, no item has to be written again."""
    output = bucket / "scored" / day.isoformat()
    output.mkdir(parents=True)
    (output / "part-0.csv.out").write_text("".join(scored_lines(members, changed)))
    arguments = {
        "kind": "scores",
        "pipeline_bucket": bucket,
        "table_name": TABLE,
        "region": "us-west-2",
        "snapshot_date": f"{day:%Y%m%d}",
        "served_on": f"{served_on:%Y%m%d}",
        "ttl_days": TTL_DAYS,
        "refresh_margin_days": 2,
        "probability_tolerance": "0.02",
        "run_name": "run",
        "execution_name": "benchmark",
        "maximum_writes_per_second": 1_000_000_000,
        "event_bus": "fake",
        "maximum_events_per_second": 1_000_000_000,
        "audit_limits": json.dumps(UNLIMITED),
        "transform_output": output,
        "model_version": "model",
        "expected_line_count": members,
        "snapshots_before_stage_change": 1,
    }
    program = [str(REPOSITORY / "glue/push_to_dynamodb.py")]
    program += [part for option, value in arguments.items() for part in (f"--{option}", str(value))]
    command = local_spark_submit(Path(sys.executable), [*MANY_PARTITIONS, *program], java_options=COMPILED_JAVA_OPTIONS)
    log = bucket / f"{day}.log"
    measured = measure(members, name, command, log)
    receipt_file = bucket / push_receipt_key(day, "run")
    if not receipt_file.exists():
        sys.exit(f"the push has failed; see {log}")
    receipt = json.loads(receipt_file.read_text())
    add_row(table, name, members, receipt["written"], receipt["events_sent"], measured.seconds, measured.cpu_seconds)


def write_with_awswrangler(members: int, use_threads: bool, table: Table) -> None:
    """Write the items of a day, and add a row to the table of results."""
    items = []
    for line in scored_lines(members, 0):
        scored = parse_scored_line(line.rstrip("\n"))
        items.append({MEMBER_ID: scored.member_id, "value": scored.stage.value, "snapshot_date": DAY.isoformat()})
    start, cpu_start = time.perf_counter(), time.process_time()
    wr.dynamodb.put_items(items, TABLE, use_threads=use_threads)
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
    name = f"awswrangler{' with threads' if use_threads else ''}, three attributes"
    add_row(table, name, members, members, 0, seconds, cpu_seconds)


def add_row(table: Table, name: str, lines: int, written: int, events: int, seconds: float, cpu_seconds: float) -> None:
    """Add what a day took."""
    counts = (f"{count:,}" for count in (lines, written, events))
    table.add_row(name, *counts, f"{seconds:.1f}", f"{cpu_seconds:.1f}", f"{cpu_seconds / lines * 1e6:.0f}")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, default=200_000, help="members of each day, default 200000")
    parser.add_argument("--latency-ms", type=float, default=8, help="time until the table answers, default 8")
    parsed = parser.parse_args()
    receiver, sender = get_context("spawn").Pipe(duplex=False)
    server = get_context("spawn").Process(target=serve, args=(parsed.latency_ms / 1000, sender), daemon=True)
    server.start()
    os.environ |= {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{receiver.recv()}",
        "AWS_ACCESS_KEY_ID": "fake",
        "AWS_SECRET_ACCESS_KEY": "fake",
        "AWS_DEFAULT_REGION": "us-west-2",
    }
    bucket = OUT / f"push-{parsed.members}"
    shutil.rmtree(bucket, ignore_errors=True)
    table = Table("day", "lines", "written", "events", "wall s", "CPU s", "CPU microseconds per line")
    push("every item is new", bucket, DAY, parsed.members, 0, table)
    push("nothing changes", bucket, DAY + timedelta(days=1), parsed.members, 0, table)
    push(f"{CHANGED:.0%} of the stages change", bucket, DAY + timedelta(days=2), parsed.members, CHANGED, table)
    last_day = DAY + timedelta(days=TTL_DAYS)
    push("every item is renewed", bucket, last_day, parsed.members, CHANGED, table, served_on=last_day)
    for use_threads in (False, True):
        write_with_awswrangler(min(parsed.members, 20_000), use_threads, table)
    Console().print(table)
    server.terminate()


if __name__ == "__main__":
    main()
