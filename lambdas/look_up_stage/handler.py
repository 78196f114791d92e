"""Answers which stages members have, to product teams that sign their requests: a Function URL calls it.

Logs and traces name the caller and count the members, but never name one: the log of a fault has no message, and the
function does not trace its own calls. Without a tracer and pydantic, which the wiring of the other functions imports,
it also starts in two thirds of their time.
"""

import hashlib
import json
import os
from base64 import b64decode
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from time import sleep
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import LambdaFunctionUrlResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.session import get_session

from buyer_stage.domain.freshness import current_for_seconds, due_snapshot_date, parse_daily_schedule
from buyer_stage.domain.lookup import (
    BatchAnswer,
    Freshness,
    MemberAnswer,
    MemberStage,
    Problem,
    RefusedRequestError,
    check_member_id,
    parse_batch_request,
)
from buyer_stage.domain.s3_layout import CURRENT_PUBLICATION_KEY
from buyer_stage.domain.stages import Stage

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import (
        AttributeValueTypeDef,
        KeysAndAttributesOutputTypeDef,
        KeysAndAttributesTypeDef,
    )
    from mypy_boto3_s3 import S3Client

    Item = dict[str, AttributeValueTypeDef]

TABLE_NAME, PIPELINE_BUCKET = os.environ["TABLE_NAME"], os.environ["PIPELINE_BUCKET"]
DAILY_START, LAG_DAYS = parse_daily_schedule(os.environ["ML_SCHEDULE"]), int(os.environ["LAG_DAYS"])
GRACE = timedelta(hours=int(os.environ["FRESHNESS_GRACE_HOURS"]))

PUBLICATION_KEPT_FOR = timedelta(minutes=1)
"""How long the function remembers which snapshot is live."""
UNPROCESSED_WAITS_SECONDS = (0, 0.05, 0.1, 0.2)
"""Waits before each attempt to read a batch, whose keys DynamoDB can leave unprocessed when it throttles."""
THROTTLED = frozenset({"ProvisionedThroughputExceededException", "RequestLimitExceeded", "ThrottlingException"})
RETRY_AFTER_SECONDS = 1
NOT_FOUND = ("Unknown member", 404, "no stage is served for this member; the item can also have expired")
BUSY = ("Too many requests", 429, "send fewer requests, and send this one again later", RETRY_AFTER_SECONDS)
NOT_PUBLISHED = (
    "Nothing published",
    503,
    "no stages have been published yet",
    int(PUBLICATION_KEPT_FOR.total_seconds()),
)

AWS_CONFIG = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "max_attempts": 3})
# Without boto3, which adds the transfer manager to a client of S3.
session = get_session()
dynamodb = cast("DynamoDBClient", session.create_client("dynamodb", config=AWS_CONFIG))
s3 = cast("S3Client", session.create_client("s3", config=AWS_CONFIG))
logger = Logger()
app = LambdaFunctionUrlResolver()


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Answer a request of the Function URL."""
    return answer(event, context, datetime.now(UTC))


def answer(event: dict[str, Any], context: "LambdaContext", now: datetime) -> dict[str, Any]:
    """Answer a request that arrives at a time."""
    app.context["now"] = now
    return app.resolve(event, context)


@app.get("/v1/members/<member_id>")
def look_up(member_id: str) -> Response[str]:
    """Answer which stage a member has."""
    # A Function URL passes the path as it was sent, percent-encoded.
    key = check_member_id(unquote(member_id, errors="surrogateescape"))
    as_of, freshness = live_snapshot()
    item = dynamodb.get_item(TableName=TABLE_NAME, Key={"member_id": {"S": key}}).get("Item")
    stage = stage_unless_expired(item) if item else None
    record(asked=1, found=int(stage is not None))
    if stage is None:
        raise RefusedRequestError(*NOT_FOUND)
    body = to_json(MemberAnswer(**vars(stage), as_of=as_of, freshness=freshness))
    now = app.context["now"]
    seconds = min(current_for_seconds(as_of, now, DAILY_START, LAG_DAYS), int(stage.ttl - now.timestamp()))
    tag = f'"{hashlib.sha256(body.encode()).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": f"private, max-age={seconds}"}
    known = {each.strip().removeprefix("W/") for each in app.current_event.headers.get("if-none-match", "").split(",")}
    if tag in known:
        return Response(304, headers=headers)
    return Response(200, "application/json", body, headers)


@app.post("/v1/members:batchGet")
def look_up_batch() -> Response[str]:
    """Answer which stages several members have."""
    event = app.current_event
    body = event.body or ""
    ids = parse_batch_request(b64decode(body) if event.is_base64_encoded else body).member_ids
    as_of, freshness = live_snapshot()
    stages = {stage.member_id: stage for item in read_items(ids) if (stage := stage_unless_expired(item))}
    record(asked=len(ids), found=len(stages))
    found = BatchAnswer(
        as_of, freshness, [stages[each] for each in ids if each in stages], [each for each in ids if each not in stages]
    )
    return Response(200, "application/json", to_json(found), {"Cache-Control": "no-store"})


def refuse(error: RefusedRequestError) -> Response[str]:
    """Answer with the problem of a request."""
    retry = error.retry_after_seconds
    headers = {"Cache-Control": "no-store"} | ({} if retry is None else {"Retry-After": str(retry)})
    return Response(error.problem.status, "application/problem+json", to_json(error.problem), headers)


def refuse_path(_error: NotFoundError) -> Response[str]:
    """Answer a request whose method and path do not exist."""
    detail = "use GET /v1/members/{member_id} or POST /v1/members:batchGet"
    return refuse(RefusedRequestError("Unknown path", 404, detail))


def report_fault(error: Exception) -> Response[str]:
    """Answer when AWS throttles or something is broken; the error's message, which can name a member, stays unsaid."""
    code = error.response["Error"]["Code"] if isinstance(error, ClientError) else None
    if code in THROTTLED:
        return refuse(RefusedRequestError(*BUSY))
    logger.error("lookup failed", error=type(error).__name__, code=code)
    return refuse(RefusedRequestError("Internal error", 500, "send the request again; if it fails again, tell us when"))


app.exception_handler(RefusedRequestError)(refuse)
app.exception_handler(NotFoundError)(refuse_path)
app.exception_handler(Exception)(report_fault)


def live_snapshot() -> tuple[date, Freshness]:
    """Return the live snapshot and whether it is the expected one.

    Raises:
        RefusedRequestError: nothing has been published yet (503).
    """
    now = app.context["now"]
    as_of = publication.as_of(now)
    due = due_snapshot_date(now, DAILY_START, GRACE, LAG_DAYS)
    return as_of, Freshness.FRESH if as_of >= due else Freshness.STALE


class PublicationCache:
    """Remembers for a minute which snapshot is live, so that most requests read the table only."""

    def __init__(self) -> None:
        self.read_at = datetime.min.replace(tzinfo=UTC)
        self.live: date | None = None

    def as_of(self, now: datetime) -> date:
        """Return the live snapshot.

        Raises:
            RefusedRequestError: nothing has been published yet (503).
        """
        if self.live is None or now - self.read_at >= PUBLICATION_KEPT_FOR:
            try:
                body = s3.get_object(Bucket=PIPELINE_BUCKET, Key=CURRENT_PUBLICATION_KEY)["Body"].read()
            except s3.exceptions.NoSuchKey:
                raise RefusedRequestError(*NOT_PUBLISHED) from None
            self.live, self.read_at = date.fromisoformat(json.loads(body)["state"]["snapshot_date"]), now
        return self.live


publication = PublicationCache()


def read_items(ids: list[str]) -> list["Item"]:
    """Read the items of several members with one call, and again what DynamoDB leaves unprocessed.

    Raises:
        RefusedRequestError: DynamoDB has left keys unprocessed after all attempts (429).
    """
    found: list[Item] = []
    wanted: Mapping[str, KeysAndAttributesTypeDef | KeysAndAttributesOutputTypeDef] = {
        TABLE_NAME: {"Keys": [{"member_id": {"S": each}} for each in ids]}
    }
    for seconds in UNPROCESSED_WAITS_SECONDS:
        sleep(seconds)
        read = dynamodb.batch_get_item(RequestItems=wanted)
        found += read["Responses"].get(TABLE_NAME, [])
        wanted = read["UnprocessedKeys"]
        if not wanted:
            return found
    raise RefusedRequestError(*BUSY)


def stage_unless_expired(item: "Item") -> MemberStage | None:
    """Return the stage in an item; None if the item has expired, because DynamoDB deletes it up to days later."""
    ttl = int(item["ttl"]["N"])
    if ttl <= app.context["now"].timestamp():
        return None
    return MemberStage(
        member_id=item["member_id"]["S"],
        value=Stage(item["value"]["S"]),
        confidence=float(item["confidence"]["N"]),
        probabilities={Stage(stage): float(value["N"]) for stage, value in item["probabilities"]["M"].items()},
        since=date.fromisoformat(item["since"]["S"]),
        snapshot_date=date.fromisoformat(item["snapshot_date"]["S"]),
        model_version=item["model_version"]["S"],
        ttl=ttl,
        schema_version=int(item["schema_version"]["N"]),
    )


def to_json(document: MemberAnswer | BatchAnswer | Problem) -> str:
    """Return an answer as JSON; days are written as in ISO 8601."""
    return json.dumps(
        vars(document), default=lambda value: value.isoformat() if isinstance(value, date) else vars(value)
    )


def record(*, asked: int, found: int) -> None:
    """Record who asked about how many members."""
    caller = app.current_event.request_context.authorizer.iam.user_arn
    logger.info("lookup", caller=caller, asked=asked, found=found)
