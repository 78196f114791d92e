"""The page says what the receipt says: the outcome, then what failed, then the figures, and why some are missing."""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markupsafe import escape
from pydantic import TypeAdapter

from buyer_stage.domain.documents import to_json
from buyer_stage.receipts.difference import compare
from buyer_stage.receipts.document import Failure, Outcome, RunReceipt
from buyer_stage.receipts.page import render_page
from tests import receipts
from tests.pages import PAGES

PARTS = (
    "features", "validation", "labeled_set", "push", "publication", "drift", "model_card", "challenger_card", "failure",
    "ttl_extension",
)  # fmt: skip
EVERY_KIND = (
    receipts.good_day(), receipts.first_day(), receipts.held_day(), receipts.failed_training(),
    receipts.failed_transform(), receipts.rollback(), receipts.etl_run(is_labeled_set_built=True),
    receipts.failed_etl(),
)  # fmt: skip


def text_of(page: str) -> str:
    """Return what a person reads, with single spaces."""
    body = page[page.index("<body>") :]
    words = re.sub(r"<svg.*?</svg>", " ", body, flags=re.DOTALL).replace("<wbr>", "")
    return " ".join(re.sub(r"<[^>]+>", " ", words).replace("&#39;", "'").split())


@pytest.mark.parametrize(
    ("name", "first_words"),
    [
        ("good day", "✓ Good: 20,012 members served for November 28, 4.1% changed stage"),
        ("held day", "✗ Held: November 28 breaks 2 of 5 audit rules, nothing was written"),
        ("failed training", "! November 28 served with the model in use, because the training failed"),
        ("failed ML pipeline", "✗ Failed in CheckBatchTransformationStatus: no stages were published for November 28"),
        ("first day", "✓ Good: 20,012 members served for November 28 Snapshot"),
        ("rollback", "✓ Rolled back: the table has the stages of November 25 again"),
        ("ETL", "✓ Good: the features of 20,012 members on November 28 are complete and validated"),
        ("failed ETL", "✗ Failed in ProcessFeatures: November 28 has no new features"),
    ],
)
def test_page_starts_with_the_verdict(name: str, first_words: str) -> None:
    text = text_of(PAGES[name]())

    assert text.startswith(("Buyer stages, ML pipeline, prod", "Buyer stages, ETL, prod"))
    assert first_words in text[: 40 + len(first_words)]


@pytest.mark.parametrize("name", list(PAGES))
def test_page_loads_nothing_and_links_only_where_a_reader_can_click(name: str) -> None:
    page = PAGES[name]()

    without_links = re.sub(r'<a href="https://[^"]+">', "", page)
    assert "<script" not in page.lower()
    assert "http" not in without_links
    assert not re.search(r"@import|@font-face|url\(|\bsrc=|\bon\w+=", page)
    assert len(page.encode()) < 300_000


def test_failure_names_state_error_cause_console_and_runbook_before_the_figures() -> None:
    page = render_page(receipts.failed_transform(), [])
    text = text_of(page)

    assert 'href="https://us-west-2.console.aws.amazon.com/states/home?region=us-west-2#/v2/executions/' in page
    for part in (
        "State CheckBatchTransformationStatus",
        "Error JobFailedError",
        "transform buy-prod-transform-1128989281-3 failed: AlgorithmError; see its log group",
        "The items of the live state got 7 more days",
        "section Follow one execution in docs/operations.md",
        "make start-ml ENV=prod SNAPSHOT_DATE=20261128",
    ):
        assert part in text
        assert text.index(part) < text.index("Rows at every handover")


def test_local_execution_has_no_link_to_the_console() -> None:
    good = receipts.good_day()
    local = replace(good, execution_arn=good.execution_arn.replace("-prod:", "-local:"))

    assert "https://" not in render_page(local, [])


def test_broken_rule_shows_value_and_limit_without_color() -> None:
    text = text_of(render_page(receipts.held_day(), []))

    assert "change in scored members -0.5 -0.1 to 0.25 ✗ broken" in text
    assert "stage mix PSI 0.3124 at most 0.25 ✗ broken" in text
    assert "quarantined lines 2 at most 20 ✓ kept" in text


def test_figures_equal_those_of_the_documents() -> None:
    receipt = receipts.good_day()
    push, features, drift, card = receipt.push, receipt.features, receipt.drift, receipt.model_card
    assert push
    assert features
    assert drift
    assert card
    text = text_of(render_page(receipt, receipts.month()))

    for shown in (
        f"What became of the {push.read:,} lines read",
        f"{push.written:,} unchanged",
        f"{push.unchanged:,} quarantined",
        f"{push.carried:,} members carried without a line, {push.deleted:,} items deleted",
        *(f"{count:,}" for count in features.window_row_counts.values()),
        *(f"{stage} {count:,}" for stage, count in push.stages.items()),
        *(f"{count:,}" for now in push.changes.transitions.values() for count in now.values()),
        *(f"{rows.value:,.0f}" for predicted in card.evaluation.confusion.values() for rows in predicted.values()),
        *(f"{shift.psi:.3f}" for by_window in drift.features.values() for shift in by_window.values()),
        *(f"{metric.low:.3f} to {metric.high:.3f}" for metric in card.evaluation.metrics.values()),
        *(f"{state.seconds:,.1f}" for state in receipt.states),
        *(f"{job.name} started" for job in receipt.jobs),
        *(f"{key} {checksum}" for key, checksum in receipt.sources.items()),
    ):
        assert shown in text


def test_stages_of_14_days_have_a_gap_where_nothing_was_served() -> None:
    page = render_page(receipts.good_day(), receipts.month())

    assert page.count('class="gap"') == 1  # Nov 19 was held, and Nov 12 is too long ago.
    assert "Nov 19: nothing served" in page
    assert "Nov 15: Dreamer" in page
    assert "Nov 14: Dreamer" not in page


def test_first_day_says_that_there_is_nothing_to_compare_with() -> None:
    page = render_page(receipts.first_day(), [])
    text = text_of(page)

    assert "No earlier day of the last 14 was served" in text
    assert "There is no earlier snapshot to compare with" in text
    assert "Share of the served stages" not in page


@pytest.mark.parametrize(
    ("receipt", "why"),
    [
        (receipts.held_day(), "The day is held: this is known when it is served."),
        (receipts.failed_transform(), "The execution failed in CheckBatchTransformationStatus, before this was known."),
        (receipts.rollback(), "A rollback does not score: it brings an earlier state back."),
    ],
)
def test_missing_part_says_why(receipt: RunReceipt, why: str) -> None:
    text = text_of(render_page(receipt, []))

    assert f"Drift since training {why}" in text


def test_page_links_to_other_executions_of_the_snapshot_and_to_the_index() -> None:
    etl, earlier = receipts.etl_run(), receipts.good_day(receipts.DAY - timedelta(days=1))
    page = render_page(receipts.good_day(), [earlier, etl, receipts.good_day()])

    assert f'<a href="../../../2026/11/28/{etl.execution_name}.html">ETL' in page
    assert '<a href="../../../index.html">' in page
    assert page.count("../../../2026/") == 1


def test_warnings_and_reasons_of_persons_are_shown() -> None:
    held = receipts.held_day()
    assert held.push
    assert held.features
    served = replace(
        held,
        outcome=Outcome.SUCCEEDED,
        features=replace(held.features, accepted_input="The portal was down (incident 4711)"),
        push=replace(held.push, serve_anyway="Half of the members moved to another portal"),
    )
    text = text_of(render_page(served, []))

    assert "! 2 warnings" in text
    assert "whole table, rows consumer_analytical_profile_member_id_summary_t060 8,905 16,027" in text
    assert "The portal was down (incident 4711)" in text
    assert "Half of the members moved to another portal" in text


def test_new_model_that_did_not_score_is_shown() -> None:
    challenger = receipts.model_card("buy-prod-77c1b0a2e4-1", 3)
    text = text_of(render_page(replace(receipts.good_day(), challenger_card=challenger), []))

    assert "A new model that did not score buy-prod-77c1b0a2e4-1: " in text


def test_page_of_a_receipt_that_was_read_from_json_is_the_same() -> None:
    adapter = TypeAdapter(RunReceipt)
    month = receipts.month()

    for receipt in EVERY_KIND:
        read = adapter.validate_json(to_json(receipt))
        assert render_page(read, month[::-1]) == render_page(receipt, month)


texts = st.text(max_size=40) | st.sampled_from(['<script>alert("1")</script>', "'\"><img src=x>", "{{ 7 * 7 }}"])
changes: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"outcome": st.sampled_from(Outcome)},
    optional={
        **{part: st.none() for part in PARTS},
        "failure": st.none() | st.builds(Failure, texts, texts, texts),
        "code_version": texts,
        "states": st.just(()),
        "jobs": st.just(()),
        "input": st.dictionaries(texts, texts, max_size=3),
        "sources": st.dictionaries(texts, texts, max_size=3),
    },
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(EVERY_KIND), changes, st.lists(st.sampled_from(EVERY_KIND), max_size=4))
def test_any_receipt_has_a_page_that_escapes_its_texts(
    receipt: RunReceipt, changed: dict[str, Any], recent: list[RunReceipt]
) -> None:
    partial = replace(receipt, **changed)
    page = render_page(partial, recent)

    assert "<script" not in page.lower()
    assert "<img" not in page
    if partial.failure:
        assert str(escape(partial.failure.cause)) in page
    assert compare(partial, partial) == []
    for other in recent:
        compare(partial, other)
