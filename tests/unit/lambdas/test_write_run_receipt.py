"""An execution's receipt, its page and the index are written, whatever is missing or damaged."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from botocore.stub import Stubber
from pydantic import TypeAdapter

from buyer_stage.domain import s3_layout
from buyer_stage.domain.documents import FeatureManifest, FeatureValidation, to_json
from buyer_stage.domain.serving_documents import PushKind, PushReceipt, StageChanges
from buyer_stage.receipts.document import Outcome, Pipeline, RunReceipt
from lambdas.common.errors import TransientAwsError
from lambdas.write_run_receipt import handler as function
from tests.executions import Event, made_events
from tests.unit.lambdas.conftest import BUCKET, s3
from tests.unit.lambdas.serving import publish, state

DAY = date(2020, 1, 30)
NAME = "daily-2020-02-01"
KEY, PAGE_KEY = f"run-receipts/2020/01/30/{NAME}.json", f"run-receipts/2020/01/30/{NAME}.html"
PUSH = "buy-test-push-0123456789-1"
MANIFEST = FeatureManifest(1, DAY, 3, {"t001": 3}, "columns", "rows", ("part-00000.csv",))
PUSH_RECEIPT = PushReceipt(DAY, PushKind.SCORES, 7, 3, 3, StageChanges(None, 0, {}, 0), written=3)
SCORED = made_events(
    ("CheckDailyDataAvailability", {"available": True, "row_count": 3, "rows_checksum": "rows"}),
    ("CheckModelAvailability", {"available": True, "train": False, "model_version": "buy-test-1"}),
    ("StartUploadingToDynamoDB", {"status": "RUNNING", "run_name": PUSH, "is_new": True}),
)
OTHER = RunReceipt(
    Pipeline.ETL, "arn:aws:states:us-west-2:123456789012:execution:buyer-stage-etl-pipeline-test:other", DAY,
    datetime(2020, 2, 1, 8, tzinfo=UTC), datetime(2020, 2, 1, 9, tzinfo=UTC), "1a2b3c4d5e6f", {}, Outcome.SUCCEEDED,
    None, None, (), (), {},
)  # fmt: skip

Put = Callable[[str, str], None]


@pytest.fixture(autouse=True)
def documents(put: Put) -> None:
    """What the execution has used and written."""
    manifest = to_json(MANIFEST)
    put(s3_layout.feature_manifest_key(DAY), manifest)
    validation = FeatureValidation(DAY, 3, hashlib.sha256(manifest.encode()).hexdigest())
    put(s3_layout.feature_validation_key(DAY), to_json(validation))
    put(s3_layout.push_receipt_key(DAY, PUSH), to_json(PUSH_RECEIPT))
    publish(state(30, 7), 7, PUSH)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[RunReceipt]]:
    """The other receipts of which the page and the index are made."""
    found: dict[str, list[RunReceipt]] = {}

    def render_page(receipt: RunReceipt, recent: Sequence[RunReceipt]) -> str:
        found["page"] = list(recent)
        return "page"

    def render_index(recent: Sequence[RunReceipt]) -> str:
        found["index"] = list(recent)
        return "index"

    monkeypatch.setattr(function, "render_page", render_page)
    monkeypatch.setattr(function, "render_index", render_index)
    return found


def write(event: dict[str, Any], context: Any, events: list[Event] = SCORED) -> dict[str, str]:
    """Call the function for an execution with a history."""
    with Stubber(function.states) as stub:
        request = {"executionArn": event["execution_id"], "maxResults": 1000}
        stub.add_response("get_execution_history", {"events": events}, request)
        return dict(function.handler(event, context))


def read(key: str) -> str:
    return s3.get_object(Bucket=BUCKET, Key=key)["Body"].read().decode()


def written() -> dict[str, Any]:
    return dict(json.loads(read(KEY)))


def other(day: date, name: str) -> RunReceipt:
    """Return the receipt of another execution."""
    return replace(OTHER, execution_arn=f"{OTHER.execution_arn.rpartition(':')[0]}:{name}", snapshot_date=day)


def keep(put: Put, *receipts: RunReceipt) -> None:
    for each in receipts:
        put(s3_layout.run_receipt_key(each.snapshot_date, each.execution_name), to_json(each))


def names(receipts: list[RunReceipt]) -> list[str]:
    return [each.execution_name for each in receipts]


def test_receipt_holds_the_documents_and_their_checksums(
    event: dict[str, Any], context: Any, emitted_metrics: Callable[[], dict[str, float]]
) -> None:
    result = write(event, context)
    receipt = written()
    assert result == {
        "receipt": KEY,
        "page": PAGE_KEY,
        "note": f"Receipt:  s3://buyer-stage-pipeline/{PAGE_KEY}\nTo open it:\n  make receipt ENV=test DAY=20200130",
    }
    assert receipt["features"] == json.loads(to_json(MANIFEST))
    assert receipt["push"] == json.loads(to_json(PUSH_RECEIPT))
    assert receipt["publication"]["run_name"] == PUSH
    assert (receipt["outcome"], receipt["code_version"]) == ("succeeded", "1a2b3c4d5e6f")
    assert receipt["sources"] == {
        key: hashlib.sha256(read(key).encode()).hexdigest()
        for key in (
            "inputs/2020/01/30/manifest.json", "inputs/2020/01/30/validation.json",
            f"push-receipts/2020/01/30/{PUSH}.json", "serving/current.json",
        )
    }  # fmt: skip
    assert emitted_metrics() == {"RunReceiptsWritten": 1}


def test_page_and_index_are_written_as_pages(event: dict[str, Any], context: Any) -> None:
    write(event, context)
    for key in (PAGE_KEY, "run-receipts/index.html"):
        found = s3.get_object(Bucket=BUCKET, Key=key)
        assert found["ContentType"] == "text/html; charset=utf-8"
        assert found["Body"].read().startswith(b"<!doctype html>")


def test_receipt_that_is_written_again_is_the_same(event: dict[str, Any], context: Any) -> None:
    write(event, context)
    first = read(KEY)
    later = [*SCORED, {"id": 99, "type": "TaskScheduled", "timestamp": datetime(2020, 2, 2, tzinfo=UTC)}]
    write(event, context, later)
    assert read(KEY) == first


def test_history_that_does_not_show_the_end_yet_is_read_again(event: dict[str, Any], context: Any) -> None:
    with pytest.raises(TransientAwsError, match="does not show WriteRunReceipt yet"):
        write(event, context, SCORED[:-1])


def test_failure_is_written_with_its_readable_cause(event: dict[str, Any], context: Any) -> None:
    failure = {"State": "CheckDrift", "Error": "ModelError", "Cause": '{"errorMessage": "the model is gone"}'}
    write({**event, "failure": failure, "ttl_extension": "The items get more time."}, context)
    receipt = written()
    assert receipt["failure"] == {"state": "CheckDrift", "error": "ModelError", "cause": "the model is gone"}
    assert (receipt["outcome"], receipt["ttl_extension"]) == ("failed", "The items get more time.")


def test_error_of_a_failed_step_is_the_one_that_its_message_names(event: dict[str, Any], context: Any) -> None:
    details = {"Message": "buyer_stage.domain.errors.DataLakeError: table t030: 3 ids", "LogFile": "s3://logs/s-1"}
    cause = json.dumps({"Step": {"Status": {"FailureDetails": details}}})
    failure = {"State": "ProcessFeatures", "Error": "States.TaskFailed", "Cause": cause}
    write({**event, "failure": failure}, context)
    assert written()["failure"] == {
        "state": "ProcessFeatures", "error": "DataLakeError", "cause": "table t030: 3 ids; see s3://logs/s-1"
    }  # fmt: skip


def test_execution_for_an_invalid_date_has_its_receipt_on_the_day_of_its_start(
    event: dict[str, Any], context: Any
) -> None:
    result = write({**event, "snapshot_date": "30 January"}, context, made_events())
    assert result["page"] == f"run-receipts/2020/02/01/{NAME}.html"
    assert "DAY=20200201" in result["note"]


def test_what_was_never_written_is_left_out(event: dict[str, Any], context: Any) -> None:
    for key in (s3_layout.push_receipt_key(DAY, PUSH), s3_layout.CURRENT_PUBLICATION_KEY):
        s3.delete_object(Bucket=BUCKET, Key=key)
    write(event, context)
    assert (written()["push"], written()["publication"]) == (None, None)


def test_damaged_document_is_left_out_and_counted(
    event: dict[str, Any],
    context: Any,
    put: Put,
    emitted_metrics: Callable[[], dict[str, float]],
) -> None:
    put(s3_layout.push_receipt_key(DAY, PUSH), '{"read": 3}')
    write(event, context)
    assert (written()["push"], written()["features"]["row_count"]) == (None, 3)
    assert emitted_metrics() == {"RunReceiptsWritten": 1, "DamagedDocuments": 1}


def test_page_and_index_know_the_receipts_of_30_days(
    event: dict[str, Any], context: Any, put: Put, shown: dict[str, list[RunReceipt]]
) -> None:
    keep(
        put, other(DAY, "same-day"), other(DAY - timedelta(days=29), "oldest"), other(DAY + timedelta(days=1), "later")
    )
    put(s3_layout.run_receipt_key(DAY - timedelta(days=30), "too-old"), "never read")
    write(event, context)
    assert names(shown["page"]) == ["oldest", "same-day"]
    # The newest receipt is one day younger, so the index starts one day later.
    assert names(shown["index"]) == ["same-day", "later", NAME]


def test_receipt_of_an_old_day_leaves_the_index_as_it_was(
    event: dict[str, Any], context: Any, put: Put, shown: dict[str, list[RunReceipt]]
) -> None:
    keep(put, other(DAY, "same-day"))
    write({**event, "snapshot_date": "20190630"}, context)
    assert (names(shown["page"]), names(shown["index"])) == ([], ["same-day"])


def test_receipt_of_a_day_in_the_future_does_not_empty_the_index(
    event: dict[str, Any], context: Any, put: Put, shown: dict[str, list[RunReceipt]]
) -> None:
    keep(put, other(date(2099, 1, 1), "misspelled"))
    write(event, context)
    assert names(shown["index"]) == [NAME]


@pytest.mark.parametrize("text", ['{"schema_version": 1}', '{"schema_version": "two"}', "{", ""])
def test_damaged_receipt_of_another_execution_is_left_out_and_counted(
    event: dict[str, Any],
    context: Any,
    put: Put,
    shown: dict[str, list[RunReceipt]],
    emitted_metrics: Callable[[], dict[str, float]],
    text: str,
) -> None:
    keep(put, other(DAY, "same-day"))
    put(s3_layout.run_receipt_key(DAY, "damaged"), text)
    write(event, context)
    assert names(shown["page"]) == ["same-day"]
    assert emitted_metrics() == {"RunReceiptsWritten": 1, "DamagedDocuments": 1}


def test_receipt_of_another_version_is_left_out(
    event: dict[str, Any],
    context: Any,
    put: Put,
    shown: dict[str, list[RunReceipt]],
    emitted_metrics: Callable[[], dict[str, float]],
) -> None:
    keep(put, replace(other(DAY, "another-version"), schema_version=2))
    write(event, context)
    assert shown["page"] == []
    assert emitted_metrics() == {"RunReceiptsWritten": 1}


def test_written_receipt_can_be_read_again(
    event: dict[str, Any], context: Any, shown: dict[str, list[RunReceipt]]
) -> None:
    write(event, context)
    assert TypeAdapter(RunReceipt).validate_json(read(KEY)) == shown["index"][0]
