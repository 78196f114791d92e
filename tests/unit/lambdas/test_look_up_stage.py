"""Product teams look up stages, and nothing that the function writes names a member."""

import io
import json
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import quote

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from buyer_stage.domain.documents import to_json
from buyer_stage.domain.serving_documents import Publication, PushKind, ServedState
from buyer_stage.domain.stages import Stage
from lambdas.look_up_stage import handler as module
from lambdas.look_up_stage.handler import answer, dynamodb, handler, logger
from tests.function_environment import FUNCTION_ENVIRONMENT
from tools.contracts.lookup import openapi

TABLE = FUNCTION_ENVIRONMENT["TABLE_NAME"]
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
"""Two hours after the daily run has started, and four before it should have published."""
AS_OF = date(2026, 11, 28)
MARKED = "m4711-marked"
Put = Callable[[str, str], None]
Ask = Callable[..., dict[str, Any]]
Json = dict[str, Any]


def item(member_id: str, expires_at: datetime = NOW + timedelta(days=5)) -> dict[str, Any]:
    """Return an item as the push writes it."""
    probabilities = ("0.100000", "0.200000", "0.661583", "0.038417")
    return {
        "member_id": {"S": member_id},
        "value": {"S": "Active Searcher"},
        "confidence": {"N": "0.661583"},
        "probabilities": {"M": {stage.value: {"N": each} for stage, each in zip(Stage, probabilities, strict=True)}},
        "since": {"S": "2026-11-25"},
        "snapshot_date": {"S": "2026-11-27"},
        "model_version": {"S": "buy-prod-1a8f03dc6d-1"},
        "ttl": {"N": str(int(expires_at.timestamp()))},
        "schema_version": {"N": "1"},
    }


def stage(member_id: str, ttl: int = 1796472000) -> dict[str, Any]:
    """Return the answer's fields about a member."""
    return {
        "member_id": member_id,
        "value": "Active Searcher",
        "confidence": 0.661583,
        "probabilities": {
            "Dreamer": 0.1, "Casual Searcher": 0.2, "Active Searcher": 0.661583, "Ready To Transact": 0.038417,
        },
        "since": "2026-11-25",
        "snapshot_date": "2026-11-27",
        "model_version": "buy-prod-1a8f03dc6d-1",
        "ttl": ttl,
        "schema_version": 1,
    }  # fmt: skip


def publish(put: Put, as_of: date = AS_OF) -> None:
    """Make a snapshot the live one."""
    state = ServedState("served-items/2026/11/28/000012-1/", as_of, "buy-1", 1, 1, {}, None, None, None)
    put("serving/current.json", to_json(Publication(12, PushKind.SCORES, NOW, "run", "execution", state)))


@pytest.fixture(autouse=True)
def table(put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table with the members m1 and m2, and a live snapshot."""
    monkeypatch.setattr(module, "publication", module.PublicationCache())
    dynamodb.create_table(
        TableName=TABLE,
        AttributeDefinitions=[{"AttributeName": "member_id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "member_id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    for each in ("m1", "m2", "m/1 ü"):
        dynamodb.put_item(TableName=TABLE, Item=item(each))
    publish(put)


@pytest.fixture
def ask(event: dict[str, Any], context: Any) -> Ask:
    """Send a request; return status, headers and body."""

    def send(path: str, *, body: str | None = None, now: datetime = NOW, headers: Json | None = None) -> Json:
        method = "GET" if body is None else "POST"
        event.update(rawPath=path, body=body, isBase64Encoded=False)
        event["requestContext"]["http"].update(method=method, path=path)
        answered = answer({**event, "headers": {**event["headers"], **(headers or {})}}, context, now)
        return {**answered, "json": json.loads(answered["body"]) if answered.get("body") else None}

    return send


def batch(ids: list[Any]) -> str:
    return json.dumps({"member_ids": ids})


def test_a_member_is_answered_with_the_live_snapshot_and_its_freshness(ask: Ask) -> None:
    answered = ask("/v1/members/m1")

    assert answered["statusCode"] == 200
    assert answered["headers"]["Content-Type"] == "application/json"
    assert answered["json"] == {**stage("m1"), "as_of": "2026-11-28", "freshness": "fresh"}


def test_the_handler_reads_the_clock(event: dict[str, Any], context: Any) -> None:
    assert handler(event, context)["statusCode"] in (200, 404)


def test_a_percent_encoded_id_is_decoded_once(ask: Ask) -> None:
    assert ask("/v1/members/m%2F1%20%C3%BC")["json"]["member_id"] == "m/1 ü"
    assert ask("/v1/members/m%252F1%20%C3%BC")["statusCode"] == 404


def test_a_snapshot_behind_the_expected_one_is_stale(ask: Ask, put: Put) -> None:
    late = datetime(2026, 12, 1, 16, tzinfo=UTC)
    assert ask("/v1/members/m1", now=late - timedelta(seconds=1))["json"]["freshness"] == "fresh"
    assert ask("/v1/members/m1", now=late)["json"]["freshness"] == "stale"
    assert ask("/v1/members:batchGet", body=batch(["m1"]), now=late)["json"]["freshness"] == "stale"


def test_unknown_and_expired_members_are_not_found(ask: Ask) -> None:
    dynamodb.put_item(TableName=TABLE, Item=item("old", NOW))
    dynamodb.put_item(TableName=TABLE, Item=item("nearly old", NOW + timedelta(seconds=1)))

    assert [ask(f"/v1/members/{each}")["statusCode"] for each in ("m3", "old", "nearly%20old")] == [404, 404, 200]
    assert ask("/v1/members/m3")["json"] == {
        "type": "about:blank",
        "title": "Unknown member",
        "status": 404,
        "detail": "no stage is served for this member; the item can also have expired",
    }
    assert ask("/v1/members:batchGet", body=batch(["m1", "old", "m3"]))["json"]["not_found"] == ["old", "m3"]


@pytest.mark.parametrize("malformed", ["a%0Ab", "%00", "%ED%A0%80", "%FF", "x" * 2049])
def test_malformed_ids_are_refused(ask: Ask, malformed: str) -> None:
    answered = ask(f"/v1/members/{malformed}")
    assert (answered["statusCode"], answered["json"]["title"]) == (400, "Malformed member id")
    assert answered["headers"]["Content-Type"] == "application/problem+json"


def test_a_batch_keeps_the_order_and_names_each_member_once(ask: Ask) -> None:
    assert ask("/v1/members:batchGet", body=batch(["m2", "m3", "m1", "m2", "m3"]))["json"] == {
        "as_of": "2026-11-28",
        "freshness": "fresh",
        "members": [stage("m2"), stage("m1")],
        "not_found": ["m3"],
    }


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("", 400),
        ("{", 400),
        pytest.param("[" * 100_000, 400, id="deeply nested"),
        ("[]", 400),
        ("{}", 400),
        (json.dumps({"member_ids": "m1"}), 400),
        (json.dumps({"member_ids": ["m1"], "members": []}), 400),
        (batch([1]), 400),
        (batch([None]), 400),
        (batch([""]), 400),
        (batch(["a\nb"]), 400),
        (batch(["\ud800"]), 400),
        (batch([]), 422),
        pytest.param(batch(["m1"] * 101), 422, id="one too many"),
        pytest.param(batch([f"m{number}" for number in range(100)]), 200, id="as many as allowed"),
    ],
)
def test_bodies_that_are_no_question_are_refused(ask: Ask, body: str, status: int) -> None:
    assert ask("/v1/members:batchGet", body=body)["statusCode"] == status


def test_a_body_that_is_not_text_is_decoded(event: dict[str, Any], context: Any) -> None:
    event["requestContext"]["http"]["method"] = "POST"
    event.update(rawPath="/v1/members:batchGet", isBase64Encoded=True, body=b64encode(b"\xff").decode())
    assert answer(event, context, NOW)["statusCode"] == 400
    event.update(body=b64encode(batch(["m1"]).encode()).decode())
    assert answer(event, context, NOW)["statusCode"] == 200


@pytest.mark.parametrize("path", ["/", "/v1/members", "/v1/members/", "/v1/members/a/b", "/v2/members/m1"])
def test_other_paths_are_not_found(ask: Ask, path: str) -> None:
    answered = ask(path)
    assert (answered["statusCode"], answered["json"]["title"]) == (404, "Unknown path")


@pytest.mark.parametrize(
    ("now", "seconds"),
    [
        (datetime(2026, 11, 30, 12, tzinfo=UTC), 22 * 3600),
        (datetime(2026, 12, 1, 9, 59, tzinfo=UTC), 60),
        (datetime(2026, 12, 1, 10, tzinfo=UTC), 60),
        (datetime(2026, 12, 3, 12, tzinfo=UTC), 60),
        (datetime(2026, 12, 5, 11, 59, 50, tzinfo=UTC), 10),
    ],
)
def test_an_answer_can_be_kept_until_the_next_publication_and_not_after_the_item_expires(
    ask: Ask, now: datetime, seconds: int
) -> None:
    assert ask("/v1/members/m1", now=now)["headers"]["Cache-Control"] == f"private, max-age={seconds}"


def test_an_answer_that_the_caller_has_is_not_sent_again(ask: Ask, put: Put) -> None:
    tag = ask("/v1/members/m1")["headers"]["ETag"]
    for known in (tag, f'"other", W/{tag}'):
        again = ask("/v1/members/m1", headers={"if-none-match": known})
        assert (again["statusCode"], again.get("body"), again["headers"]["ETag"]) == (304, None, tag)
    publish(put, AS_OF + timedelta(days=1))
    later = ask("/v1/members/m1", headers={"if-none-match": tag}, now=NOW + timedelta(minutes=1))
    assert (later["statusCode"], later["json"]["as_of"]) == (200, "2026-11-29")


def test_the_live_snapshot_is_remembered_for_a_minute(ask: Ask, put: Put) -> None:
    ask("/v1/members/m1")
    publish(put, AS_OF + timedelta(days=1))
    as_of = [ask("/v1/members/m1", now=NOW + timedelta(seconds=each))["json"]["as_of"] for each in (59, 60)]
    assert as_of == ["2026-11-28", "2026-11-29"]


def test_before_the_first_publication_the_lookup_is_not_available(ask: Ask) -> None:
    boto3.client("s3").delete_object(Bucket=FUNCTION_ENVIRONMENT["PIPELINE_BUCKET"], Key="serving/current.json")
    answered = ask("/v1/members/m1")
    assert (answered["statusCode"], answered["headers"]["Retry-After"]) == (503, "60")


@pytest.mark.parametrize(
    ("path", "operation", "body"),
    [("/v1/members/m1", "get_item", None), ("/v1/members:batchGet", "batch_get_item", batch(["m1"]))],
)
@pytest.mark.parametrize(
    ("code", "status"),
    [("ProvisionedThroughputExceededException", 429), ("ThrottlingException", 429), ("AccessDeniedException", 500)],
)
def test_throttling_asks_the_caller_to_wait_and_a_fault_is_reported(
    ask: Ask, path: str, operation: str, body: str | None, code: str, status: int
) -> None:
    ask("/v1/members/m1")  # so that the live snapshot is known
    with Stubber(dynamodb) as stubber:
        stubber.add_client_error(operation, code)
        answered = ask(path, body=body)
    assert (answered["statusCode"], answered["headers"].get("Retry-After")) == (status, "1" if status == 429 else None)


def unprocessed(*attempts: tuple[list[str], list[str]]) -> Callable[..., Any]:
    """Return a `batch_get_item` that answers (found, left unprocessed) in turn."""
    remaining = list(attempts)

    def read(RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803
        found, left = remaining.pop(0)
        asked = [key["member_id"]["S"] for key in RequestItems[TABLE]["Keys"]]
        assert asked == [*found, *left]
        keys = {TABLE: {"Keys": [{"member_id": {"S": each}} for each in left]}} if left else {}
        return {"Responses": {TABLE: [item(each) for each in found]}, "UnprocessedKeys": keys}

    return read


def test_keys_that_dynamodb_leaves_unprocessed_are_read_again(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "sleep", lambda _seconds: None)
    monkeypatch.setattr(dynamodb, "batch_get_item", unprocessed((["m1"], ["m2"]), (["m2"], [])))
    answered = ask("/v1/members:batchGet", body=batch(["m1", "m2"]))
    assert [each["member_id"] for each in answered["json"]["members"]] == ["m1", "m2"]


def test_keys_that_stay_unprocessed_are_not_reported_as_unknown(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "sleep", lambda _seconds: None)
    monkeypatch.setattr(dynamodb, "batch_get_item", unprocessed(*[([], ["m1"])] * 4))
    answered = ask("/v1/members:batchGet", body=batch(["m1"]))
    assert (answered["statusCode"], answered["headers"]["Retry-After"]) == (429, "1")


def test_the_log_names_the_caller_and_no_member(
    ask: Ask, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    log = io.StringIO()
    original = logger.registered_handler.setStream(log)  # type: ignore[attr-defined]
    dynamodb.put_item(TableName=TABLE, Item=item(MARKED))

    ask(f"/v1/members/{MARKED}")
    ask(f"/v1/members/{MARKED}-2")
    ask(f"/v1/members/{MARKED}%00")
    ask(f"/v1/members/{MARKED}/x")
    ask("/v1/members:batchGet", body=batch([MARKED, f"{MARKED}-2"]))
    ask("/v1/members:batchGet", body=batch([MARKED] * 101))
    monkeypatch.setattr(dynamodb, "get_item", lambda **_: {"Item": {"ttl": {MARKED: 1}}})
    assert ask(f"/v1/members/{MARKED}")["statusCode"] == 500
    logger.registered_handler.setStream(original)  # type: ignore[attr-defined]

    written = "\n".join([log.getvalue(), *capsys.readouterr()])
    assert MARKED not in written
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [(line["asked"], line["found"]) for line in lines if line["message"] == "lookup"] == [(1, 1), (1, 0), (2, 1)]
    assert {line["caller"] for line in lines if "caller" in line} == {
        "arn:aws:sts::222222222222:assumed-role/reader/session"
    }
    assert [line["error"] for line in lines if line["message"] == "lookup failed"] == ["KeyError"]


def test_the_error_of_a_fault_has_its_code(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": ""}}, "GetItem")

    log = io.StringIO()
    original = logger.registered_handler.setStream(log)  # type: ignore[attr-defined]
    monkeypatch.setattr(dynamodb, "get_item", refuse)
    ask("/v1/members/m1")
    logger.registered_handler.setStream(original)  # type: ignore[attr-defined]
    assert json.loads(log.getvalue())["code"] == "AccessDeniedException"


def check(answered: Json, method: str) -> None:
    """Check that the contract has this answer."""
    contract = openapi()
    operation = contract["paths"]["/v1/members/{member_id}" if method == "get" else "/v1/members:batchGet"][method]
    content = operation["responses"][str(answered["statusCode"])]["content"]
    (schema,) = [each["schema"] for kind, each in content.items() if kind == answered["headers"]["Content-Type"]]
    Draft202012Validator({**schema, "components": contract["components"]}).validate(answered["json"])


IDS = st.one_of(st.sampled_from(["m1", "m2", "m3"]), st.text(max_size=30))
BODIES = st.one_of(
    st.text(max_size=50),
    st.fixed_dictionaries({"member_ids": st.lists(st.one_of(IDS, st.none(), st.integers()), max_size=120)}).map(
        json.dumps
    ),
    st.dictionaries(st.text(max_size=10), st.integers(), max_size=3).map(json.dumps),
)
ANY_REQUEST = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)


@ANY_REQUEST
@given(member_id=IDS.filter(lambda text: text not in ("", ".", "..")))
def test_the_contract_has_every_answer_about_a_member(ask: Ask, member_id: str) -> None:
    path = f"/v1/members/{quote(member_id, safe='')}"
    check(ask(path), "get")


@ANY_REQUEST
@given(body=BODIES)
def test_the_contract_has_every_answer_about_several_members(ask: Ask, body: str) -> None:
    check(ask("/v1/members:batchGet", body=body), "post")
