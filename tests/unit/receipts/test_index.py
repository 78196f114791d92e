"""The index lists the runs of the last days, newest first, with what changed."""

import re
from dataclasses import replace

from buyer_stage.receipts.index import render_index
from tests import receipts
from tests.unit.receipts.test_page import text_of

MONTH = [*receipts.month(), receipts.good_day()]


def test_runs_are_listed_newest_first_with_links_to_their_pages() -> None:
    page = render_index(MONTH[::-1])
    runs = page[page.index("Runs of the ML pipeline, newest first") : page.index("Runs of the ETL")]
    links = re.findall(r'<a href="([^"]+)">(\d{4}-\d\d-\d\d)</a>', runs)

    assert [day for _, day in links] == sorted((day for _, day in links), reverse=True)
    assert len(links) == 30
    assert links[0][0] == f"2026/11/28/{receipts.good_day().execution_name}.html"


def test_row_has_outcome_members_flips_and_duration() -> None:
    text = text_of(render_index(MONTH))

    assert "2026-11-28 ✓ succeeded 20,012 4.1% 14 min 32 s" in text
    assert "2026-11-19 ✗ held 10,006 4.1% 14 min 32 s" in text
    assert "2026-11-12 ✗ failed JobFailedError in CheckBatchTransformationStatus 20,012 \N{EN DASH} " in text
    assert "Held 1 Failed 1 Rolled back 0 New models 1" in text


def test_model_is_named_on_the_first_day_that_it_scores() -> None:
    text = text_of(render_index(MONTH))
    runs = text[text.index("Runs of the ML pipeline, newest first") :]

    assert runs.count(receipts.MODEL) == 1
    assert re.search(rf"2026-11-06 ✓ succeeded \S+ \S+ \d+ min \d+ s {receipts.MODEL}", runs)


def test_failed_etl_is_shown_at_the_top() -> None:
    text = text_of(render_index([*MONTH, receipts.failed_etl()]))

    assert text.index("✗ The newest run of the ETL failed : DataLakeError") < text.index("Served stages")
    assert "60 runs, 1 failed" in text


def test_day_that_was_served_anyway_shows_the_reason() -> None:
    held = receipts.held_day()
    assert held.push
    served = replace(held, push=replace(held.push, serve_anyway="Half <of> the members moved"))

    assert "served anyway: Half &lt;of&gt; the members moved" in render_index([served])


def test_index_without_a_run_of_the_ml_pipeline_says_so() -> None:
    text = text_of(render_index([receipts.etl_run()]))

    assert text.startswith("The ML pipeline has not run yet")
    assert "1 runs" not in text
    assert "1 run, 0 failed" in text
    assert "The ETL has not run yet." in text_of(render_index([]))
