"""Asks the lookup over HTTP at a fixed rate, on a local cloud: signed requests for one member, open loop.

Requests arrive at random moments, whether or not earlier ones have been answered, and the latency of a request counts
from the moment at which it should have been sent. On this machine, the client, the local cloud, and the function share
the cores, and the network is missing, so the latencies say little about AWS.
"""

import json
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles
from typing import Any

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.httpsession import URLLib3Session

from buyer_stage.domain.s3_layout import CURRENT_PUBLICATION_KEY
from localcloud import cloud as local_cloud
from localcloud.deployment import deployed

THREADS = 64
"""More than the requests that are under way at once, unless the lookup falls behind."""
WARM_UP = 20
"""Requests that start functions and connections, and do not count."""


@contextmanager
def served(item: dict[str, Any]) -> Iterator[str]:
    """Deploy the product to a local cloud, with one item in the table, and yield the URL of the item's lookup."""
    with tempfile.TemporaryDirectory() as folder, local_cloud.running(Path(folder) / "cloud"):
        with deployed(Path(folder)) as deployment:
            deployment.applied.result()
        boto3.client("dynamodb").put_item(TableName=deployment.table_name, Item=item)
        live = json.dumps({"state": {"snapshot_date": item["snapshot_date"]["S"]}})
        boto3.client("s3").put_object(Bucket=deployment.pipeline_bucket, Key=CURRENT_PUBLICATION_KEY, Body=live)
        yield f"{deployment.lookup_url}v1/members/{item['member_id']['S']}"


def measure(url: str, per_second: float, seconds: float, seed: int) -> Sequence[float]:
    """Return the latencies in milliseconds at a rate of requests.

    Args:
        url: what to ask.
        per_second: mean rate.
        seconds: duration.
        seed: of the moments of arrival.

    Raises:
        RuntimeError: a request has failed.
    """
    session, http = boto3.Session(), URLLib3Session(max_pool_connections=THREADS)
    credentials, region = session.get_credentials(), session.region_name
    if credentials is None:
        raise RuntimeError("there are no AWS credentials")
    draw = random.Random(seed)  # noqa: S311

    def ask(scheduled: float) -> float:
        request = AWSRequest("GET", url)
        SigV4Auth(credentials, "lambda", region).add_auth(request)
        response = http.send(request.prepare())
        if response.status_code != 200:
            raise RuntimeError(f"the lookup answered {response.status_code} at {datetime.now(UTC)}")
        return (time.perf_counter() - scheduled) * 1000

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(ask, [time.perf_counter()] * WARM_UP))
        due, end, pending = time.perf_counter(), time.perf_counter() + seconds, []
        while (due := due + draw.expovariate(per_second)) < end:
            time.sleep(max(0.0, due - time.perf_counter()))
            pending.append(threads.submit(ask, due))
        return [each.result() for each in pending]


def percentiles(milliseconds: Sequence[float]) -> tuple[float, float, float]:
    """Return the 50th, 95th and 99th percentile."""
    cuts = quantiles(milliseconds, n=100)
    return cuts[49], cuts[94], cuts[98]
