"""Measures what the lookup costs: the CPU of its start, the CPU of a request, and latencies over HTTP.

    python -m benchmarks.lookup [--requests 2000] [--rates 10 50] [--seconds 60]

The start is compared with a bare DynamoDB client, each in a process of its own. The requests are answered in this
process. DynamoDB and S3 answer below botocore, so that signing and parsing count, and the network does not. The
latencies come from a local cloud, see `benchmarks.lookup_load`.
"""

import argparse
import functools
import json
import os
import resource
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.awsrequest import AWSResponse, HTTPHeaders
from rich.console import Console
from rich.table import Table

from benchmarks.lookup_load import measure, percentiles, served
from buyer_stage.domain.stages import Stage
from tools.repository import REPOSITORY

TABLE = "table"
VARIABLES = {
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_DEFAULT_REGION": "us-west-2",
    "POWERTOOLS_SERVICE_NAME": "look_up_stage",
    "POWERTOOLS_LOG_LEVEL": "WARNING",
    "TABLE_NAME": TABLE,
    "PIPELINE_BUCKET": "bucket",
    "ML_SCHEDULE": "cron(0 10 * * ? *)",
    "LAG_DAYS": "2",
    "FRESHNESS_GRACE_HOURS": "4",
}
BARE = "a DynamoDB client of boto3"
STARTS = {
    "nothing": "",
    BARE: "import boto3; boto3.client('dynamodb')",
    "the lookup": "import lambdas.look_up_stage.handler",
    "a function of the state machine": "import boto3; boto3.client('dynamodb'); import lambdas.common.wiring",
}
"""What a process imports -> its code."""
ATTEMPTS = 7
SEED = 7


def start_seconds(code: str) -> float:
    """Return the CPU seconds of a Python process that runs code: the least of several attempts."""
    found = []
    for _ in range(ATTEMPTS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", code], env={**os.environ, **VARIABLES}, cwd=REPOSITORY, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(found)


def item(member_id: str, now: datetime) -> dict[str, Any]:
    """Return an item in the form of DynamoDB's API."""
    return {
        "member_id": {"S": member_id},
        "value": {"S": Stage.ACTIVE_SEARCHER.value},
        "confidence": {"N": "0.661583"},
        "probabilities": {"M": {stage.value: {"N": "0.250000"} for stage in Stage}},
        "since": {"S": "2026-11-25"},
        "snapshot_date": {"S": "2026-11-27"},
        "model_version": {"S": "buy-prod-1a8f03dc6d-1"},
        "ttl": {"N": str(int((now + timedelta(days=5)).timestamp()))},
        "schema_version": {"N": "1"},
    }


def event(path: str, body: str | None = None) -> dict[str, Any]:
    """Return a request as a Function URL passes it."""
    sample: dict[str, Any] = json.loads((REPOSITORY / "tests/events/look_up_stage.json").read_text())
    sample["requestContext"]["http"].update(method="GET" if body is None else "POST", path=path)
    return {**sample, "rawPath": path, "body": body}


class StubbedBody:
    """The body of a response, as urllib3 has it."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def stream(self, *_: object, **__: object) -> Any:
        """Yield the content."""
        yield self.content

    def read(self, *_: object) -> bytes:
        """Return the content."""
        return self.content


def respond(content: bytes, **_: object) -> AWSResponse:
    """Return a successful response of AWS."""
    return AWSResponse("https://aws", 200, HTTPHeaders(), StubbedBody(content))


def request_milliseconds(requests: int) -> dict[str, float]:
    """Return the CPU milliseconds of a request by its kind, with as many requests of each kind."""
    os.environ.update(VARIABLES)
    from lambdas.look_up_stage.handler import answer, dynamodb, s3

    now = datetime.now(UTC)
    ids = [f"m{number:024}" for number in range(100)]
    publication = json.dumps({"state": {"snapshot_date": "2026-11-28"}}).encode()
    one = json.dumps({"Item": item(ids[0], now)}).encode()
    many = json.dumps({"Responses": {TABLE: [item(each, now) for each in ids]}, "UnprocessedKeys": {}}).encode()
    events: Any
    for events, name, content in (
        (s3.meta.events, "before-send.s3", publication),
        (dynamodb.meta.events, "before-send.dynamodb.GetItem", one),
        (dynamodb.meta.events, "before-send.dynamodb.BatchGetItem", many),
    ):
        events.register(name, functools.partial(respond, content))
    context: Any = object()
    found = {}
    for kind, asked in (
        ("one member", event(f"/v1/members/{ids[0]}")),
        ("100 members", event("/v1/members:batchGet", json.dumps({"member_ids": ids}))),
    ):
        assert answer(asked, context, now)["statusCode"] == 200
        started = time.process_time()
        for _ in range(requests):
            answer(asked, context, now)
        found[kind] = (time.process_time() - started) / requests * 1000
    return found


def main() -> None:
    """Print all measurements."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=2000, help="requests of each kind")
    parser.add_argument("--rates", type=float, nargs="*", default=[10, 50], help="requests per second over HTTP")
    parser.add_argument("--seconds", type=float, default=60, help="duration of each rate")
    arguments = parser.parse_args()
    seconds = {name: start_seconds(code) for name, code in STARTS.items()}
    starts = Table("a process that imports", "CPU s", f"compared with {BARE}")
    for name, value in seconds.items():
        starts.add_row(name, f"{value:.3f}", f"{value / seconds[BARE]:.2f}")
    answers = Table("a request for", "CPU ms")
    for kind, milliseconds in request_milliseconds(arguments.requests).items():
        answers.add_row(kind, f"{milliseconds:.2f}")
    console = Console()
    console.print(starts)
    console.print(answers)
    latencies = Table("requests per second", "requests", "p50 ms", "p95 ms", "p99 ms")
    with served(item("m1", datetime.now(UTC))) as url:
        for rate in arguments.rates:
            found = measure(url, rate, arguments.seconds, SEED)
            latencies.add_row(f"{rate:g}", str(len(found)), *(f"{value:.1f}" for value in percentiles(found)))
    console.print(latencies)


if __name__ == "__main__":
    main()
