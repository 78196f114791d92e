"""Measures how fast the push writes items, next to awswrangler, against a table that answers after a fixed time.

    python -m benchmarks.push [--items 20000] [--latency-ms 8]

The table is a server in a process of its own, which accepts all items. CPU seconds are those of the writer.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

import awswrangler as wr
import boto3
from rich.console import Console
from rich.table import Table

from buyer_stage.domain.features import MEMBER_ID
from buyer_stage.domain.serving_item import serving_item
from buyer_stage.domain.stages import Stage
from buyer_stage.domain.transform_output import ScoredMember
from glue.dynamodb_writer import write_items
from glue.push_to_dynamodb import AWS_CONFIG

TABLE = "fake"
KEYS = [{"AttributeName": MEMBER_ID, "KeyType": "HASH"}]
ANSWERS: dict[str, dict[str, Any]] = {
    "BatchWriteItem": {"UnprocessedItems": {}},
    "DescribeTable": {"Table": {"TableName": TABLE, "KeySchema": KEYS}},
}
UNLIMITED = 1e9
Items = list[dict[str, Any]]


def serve(latency_seconds: float, port: Connection) -> None:
    """Answer DynamoDB's requests after a fixed time, and send the port that they go to."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # headers and body are two packets

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            time.sleep(latency_seconds)
            body = json.dumps(ANSWERS[self.headers["X-Amz-Target"].rpartition(".")[2]]).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    port.send(server.server_address[1])
    server.serve_forever()


def write_as_the_push_does(items: Items) -> None:
    """Write like one partition of a push."""
    dynamodb = boto3.session.Session().resource("dynamodb", config=AWS_CONFIG)
    counts = write_items(dynamodb, TABLE, items, writes_per_second=UNLIMITED)
    if counts.written != len(items):
        raise RuntimeError(f"{counts.failed} of {len(items)} items are not written: {counts.error}")


WRITERS: dict[str, Callable[[Items], None]] = {
    "write_items": write_as_the_push_does,
    "awswrangler": lambda items: wr.dynamodb.put_items(items, TABLE, use_threads=False),
    "awswrangler with threads": lambda items: wr.dynamodb.put_items(items, TABLE, use_threads=True),
}


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=20_000, help="items that each writer writes, default 20000")
    parser.add_argument("--latency-ms", type=float, default=8, help="time until the table answers, default 8")
    parsed = parser.parse_args()
    probabilities = dict(zip(Stage, (0.4, 0.3, 0.2, 0.1), strict=True))
    items: Items = [
        serving_item(
            ScoredMember(f"m{number}", Stage.DREAMER, probabilities),
            snapshot_date=date(2020, 3, 1),
            model_version="model",
            expires_at_epoch_seconds=1_600_000_000,
        )
        for number in range(parsed.items)
    ]
    receiver, sender = get_context("spawn").Pipe(duplex=False)
    server = get_context("spawn").Process(target=serve, args=(parsed.latency_ms / 1000, sender), daemon=True)
    server.start()
    os.environ |= {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{receiver.recv()}",
        "AWS_ACCESS_KEY_ID": "fake",
        "AWS_SECRET_ACCESS_KEY": "fake",
        "AWS_DEFAULT_REGION": "us-west-2",
    }
    table = Table("writer", "items per second", "CPU microseconds per item")
    for name, write in WRITERS.items():
        start, cpu_start = time.perf_counter(), time.process_time()
        write(items)
        seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
        table.add_row(name, f"{len(items) / seconds:.0f}", f"{cpu_seconds / len(items) * 1e6:.0f}")
    Console().print(table)
    server.terminate()


if __name__ == "__main__":
    main()
