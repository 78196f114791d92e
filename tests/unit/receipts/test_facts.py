"""The words and figures that a receipt's page, its summary and the index share."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from buyer_stage.domain import errors
from buyer_stage.receipts import facts
from buyer_stage.receipts.document import Failure
from tests import receipts
from tools.repository import REPOSITORY

RUNBOOK = (REPOSITORY / facts.RUNBOOK).read_text()


def test_runbook_has_every_section_that_pages_name() -> None:
    headings = set(re.findall(r"^#+ (.+)$", RUNBOOK, flags=re.MULTILINE))

    assert {*facts.RUNBOOK_SECTIONS.values(), "An execution failed"} <= headings


def test_errors_with_a_section_exist() -> None:
    names = {name for name in facts.RUNBOOK_SECTIONS if name.endswith("Error")}

    assert names <= set(vars(errors))
    assert all(f"`{name}`" in RUNBOOK for name in facts.RUNBOOK_SECTIONS)


def test_error_without_its_own_section_leads_to_the_table_of_errors() -> None:
    failed = replace(receipts.failed_etl(), failure=Failure("ProcessFeatures", "UnexpectedError", "KeyError"))

    assert facts.runbook_section(failed) == "An execution failed"
    assert facts.runbook_section(receipts.good_day()) is None


def test_parts_of_a_push_add_up_to_the_lines_read() -> None:
    for receipt in (receipts.good_day(), receipts.first_day(), receipts.rollback()):
        assert receipt.push
        assert sum(part.count or 0 for part in facts.push_parts(receipt)) == receipt.push.read


def test_failure_after_the_publication_says_that_the_table_has_the_stages() -> None:
    failure = Failure("CheckDrift", "InvalidManifestError", "the drift report is damaged")
    failed = replace(receipts.failed_transform(), failure=failure, publication=receipts.good_day().publication)

    assert facts.verdict(failed) == "Failed in CheckDrift, after the table got the stages of November 28"


@pytest.mark.parametrize(
    ("seconds", "name"), [(0.4, "0 s"), (38, "38 s"), (59.6, "1 min 00 s"), (245, "4 min 05 s"), (4320, "1 h 12 min")]
)
def test_duration_is_readable(seconds: float, name: str) -> None:
    assert facts.duration_name(seconds) == name


@pytest.mark.parametrize(
    ("value", "name"), [(16027.2, "16,027"), (0.04089, "0.04089"), (-0.5, "-0.5"), (2, "2"), (2e-6, "under 0.0001")]
)
def test_number_is_readable(value: float, name: str) -> None:
    assert facts.number(value) == name


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("CheckDrift", ["Check", "Drift"]),
        ("StartUploadingToDynamoDB", ["Start", "Uploading", "To", "Dynamo", "DB"]),
        ("StartAutoMLNow", ["Start", "Auto", "MLNow"]),
        ("", [""]),
    ],
)
def test_words_of_a_name_add_up_to_it(name: str, words: list[str]) -> None:
    assert facts.words(name) == words


def test_newest_execution_that_served_a_day_counts() -> None:
    first = receipts.good_day()
    again = replace(first, execution_arn=f"{first.execution_arn}-2", started_at=first.started_at + timedelta(hours=1))
    day = first.snapshot_date

    assert facts.served_days([again, first, receipts.rollback()], day, 14) == {day: again}
    assert facts.served_days([receipts.held_day()], day, 14) == {day: None}


def test_links_lead_from_a_page_to_the_index_and_back() -> None:
    good, earlier = receipts.good_day(), receipts.rollback()

    assert facts.link_from_index(good) == f"2026/11/28/{good.execution_name}.html"
    assert facts.link_to(good, earlier) == f"../../../2026/11/25/{earlier.execution_name}.html"
    assert facts.link_to_index(good) == "../../../index.html"
