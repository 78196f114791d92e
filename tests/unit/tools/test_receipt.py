"""Receipts are found by day or execution, downloaded with what they link to, and compared."""

import io
import sys
import webbrowser
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import boto3
import pytest
from moto import mock_aws
from rich.console import Console

from buyer_stage.domain.documents import to_json
from buyer_stage.domain.errors import InvalidInputError, InvalidManifestError
from buyer_stage.domain.s3_layout import RUN_RECEIPTS_INDEX_KEY, run_receipt_key, run_receipt_page_key
from buyer_stage.receipts.document import RunReceipt
from tests import receipts
from tests.function_environment import FUNCTION_ENVIRONMENT, REGION
from tools import receipt as command
from tools.receipt import download, find, has_display, newest, show_difference, show_page
from tools.scores import Bucket

BUCKET = "buyer-stage-ml-pipeline-dev-123456789012"
GOOD, ETL = receipts.good_day(), receipts.etl_run()
HELD = receipts.held_day(receipts.DAY - timedelta(days=1))


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """A bucket with the receipts of two days: a held one, then a good one, and then an execution of the ETL."""
    for name, value in FUNCTION_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        s3 = boto3.client("s3", region_name=REGION)
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        found = Bucket(s3, BUCKET)
        for each in (HELD, GOOD, ETL):
            put(found, run_receipt_key(each.snapshot_date, each.execution_name), to_json(each))
            put(found, run_receipt_page_key(each.snapshot_date, each.execution_name), f"page of {each.execution_name}")
        put(found, RUN_RECEIPTS_INDEX_KEY, "index")
        yield found


def put(bucket: Bucket, key: str, text: str) -> None:
    bucket.s3.put_object(Bucket=bucket.name, Key=key, Body=text.encode())


def printed(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.fixture
def console() -> Console:
    """A console whose output `printed` returns."""
    return Console(file=io.StringIO(), width=100)


def test_newest_is_the_last_execution_of_the_ml_pipeline(bucket: Bucket) -> None:
    assert newest(bucket).snapshot_date == max(GOOD.snapshot_date, HELD.snapshot_date)


@pytest.mark.parametrize(
    ("name", "receipt"),
    [("20261128", GOOD), ("20261127", HELD), (ETL.execution_name, ETL), (HELD.execution_name, HELD)],
)
def test_receipt_is_found_by_day_and_by_execution(bucket: Bucket, name: str, receipt: RunReceipt) -> None:
    assert find(bucket, name) == receipt


def test_day_without_ml_pipeline_is_that_of_the_etl(bucket: Bucket) -> None:
    earlier = receipts.failed_etl(receipts.DAY - timedelta(days=5))
    put(bucket, run_receipt_key(earlier.snapshot_date, earlier.execution_name), to_json(earlier))

    assert find(bucket, "20261123") == earlier


def test_missing_receipt_is_an_error_that_says_what_to_do(bucket: Bucket) -> None:
    with pytest.raises(LookupError, match=r"no receipt for snapshot 2026-11-01; choose a day"):
        find(bucket, "20261101")
    with pytest.raises(LookupError, match="no receipt of an execution 0000; give its full name, or a day"):
        find(bucket, "0000")
    with pytest.raises(InvalidInputError, match="not a day written as YYYYMMDD"):
        find(bucket, "20261331")


def test_bucket_without_receipts_is_an_error_that_says_what_to_do(bucket: Bucket) -> None:
    for key, _ in list(bucket.keys("run-receipts/")):
        bucket.s3.delete_object(Bucket=bucket.name, Key=key)

    with pytest.raises(LookupError, match="has no receipt of the ML pipeline yet; start it with `make start-ml`"):
        newest(bucket)


def test_damaged_receipt_is_an_error_that_names_the_file(bucket: Bucket) -> None:
    key = run_receipt_key(GOOD.snapshot_date, GOOD.execution_name)
    put(bucket, key, "{}")

    with pytest.raises(InvalidManifestError, match=key):
        find(bucket, "20261128")


def test_page_is_downloaded_with_what_it_links_to(bucket: Bucket, tmp_path: Path) -> None:
    page = download(bucket, GOOD, tmp_path)

    assert page.read_text() == f"page of {GOOD.execution_name}"
    assert {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file()} == {
        "run-receipts/index.html",
        *(
            f"run-receipts/2026/11/28/{each.execution_name}.{suffix}"
            for each in (GOOD, ETL)
            for suffix in ("html", "json")
        ),
    }


def test_receipt_without_page_is_an_error_that_names_the_function(bucket: Bucket, tmp_path: Path) -> None:
    key = run_receipt_page_key(GOOD.snapshot_date, GOOD.execution_name)
    bucket.s3.delete_object(Bucket=bucket.name, Key=key)

    with pytest.raises(LookupError, match=rf"no {key}; look at the log of the function write_run_receipt"):
        download(bucket, GOOD, tmp_path)


@pytest.mark.parametrize("display", [None, ":0"])
def test_page_is_opened_only_with_a_display(
    bucket: Bucket, console: Console, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, display: str | None
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(webbrowser, "open", opened.append)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    if display:
        monkeypatch.setenv("DISPLAY", display)
    else:
        monkeypatch.delenv("DISPLAY", raising=False)

    show_page(bucket, GOOD, tmp_path, console)

    page = tmp_path / run_receipt_page_key(GOOD.snapshot_date, GOOD.execution_name)
    assert printed(console).strip() == str(page)
    assert opened == ([page.as_uri()] if display else [])
    assert has_display() == bool(display)


def test_difference_is_printed_and_is_the_exit_code(console: Console) -> None:
    assert show_difference(GOOD, GOOD, console) == 0
    assert printed(console) == ""
    assert show_difference(GOOD, HELD, console) == 1
    assert printed(console).splitlines()[0] == "members: 20,012 -> 10,006 (-50.0%)"


def run_command(monkeypatch: pytest.MonkeyPatch, bucket: Bucket, *arguments: str) -> int:
    """Run the command and return its exit code."""
    monkeypatch.setattr(command, "require", lambda _: None)
    monkeypatch.setattr(command, "find_bucket", lambda _: bucket)
    monkeypatch.setattr(sys, "argv", ["receipt", arguments[0], "--environment", "dev", *arguments[1:]])
    try:
        command.main()
    except SystemExit as stopped:
        return int(stopped.code or 0)
    return 0


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("diff", "20261128", GOOD.execution_name), 0),
        (("diff", "20261127", "20261128"), 1),
        (("diff", "20261127", "20261001"), 2),
        (("diff", "20261127"), 2),
        (("summary", "--day", "20261128"), 0),
        (("summary",), 0),
    ],
)
def test_command_exits_with_what_it_found(
    monkeypatch: pytest.MonkeyPatch, bucket: Bucket, arguments: tuple[str, ...], code: int
) -> None:
    assert run_command(monkeypatch, bucket, *arguments) == code


def test_command_prints_the_summary(
    monkeypatch: pytest.MonkeyPatch, bucket: Bucket, capsys: pytest.CaptureFixture[str]
) -> None:
    run_command(monkeypatch, bucket, "summary", "--day", "20261127")

    assert "Held: November 27 breaks 2 of 5 audit rules, nothing was written" in capsys.readouterr().out
