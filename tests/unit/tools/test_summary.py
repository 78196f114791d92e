"""The summary in the terminal has the facts of the page."""

import io

import pytest
from rich.console import Console

from buyer_stage.receipts.document import RunReceipt
from tests import receipts
from tools.summary import print_summary


def summary(receipt: RunReceipt) -> str:
    """Return what is printed, with single spaces."""
    console = Console(file=io.StringIO(), width=200)
    print_summary(receipt, console)
    assert isinstance(console.file, io.StringIO)
    return " ".join(console.file.getvalue().split())


def test_summary_of_a_good_day_has_its_figures() -> None:
    text = summary(receipts.good_day())

    for shown in (
        "Good: 20,012 members served for November 28, 4.1% changed stage",
        "last 30 days 14,208",
        "scored lines read 20,012",
        "written 3,335 unchanged 16,675 quarantined 2",
        "Active Searcher 11,587 58%",
        "on 1,473 rows of unseen members",
        "Verdict: Approved, better than no model",
        "drifted, of 155 pairs of feature and window 0",
        "flip rate 4.1%",
        "flip rate 0.04089 at most 0.45 kept",
        "Seconds per state, 872 in total",
        "WaitForBatchTransformation 540.0",
    ):
        assert shown in text


def test_failure_comes_before_the_figures() -> None:
    text = summary(receipts.held_day())

    assert text.index("ScoresHeldError in CheckUploadingToDynamoDBStatus: the scores") < text.index("Rows at every")
    assert "What to do: section 'A day is held' in docs/operations.md" in text
    assert "stage mix PSI 0.3124 at most 0.25 broken" in text


def test_first_day_has_nothing_to_compare_with() -> None:
    text = summary(receipts.first_day())

    assert "flip rate no earlier snapshot" in text
    assert "stage mix PSI - at most 0.25 kept" in text


def test_summary_of_the_etl_has_the_labeled_set() -> None:
    assert "Rows of the labeled set, per split train 6,879 validation 1,476 test 1,473" in summary(
        receipts.etl_run(is_labeled_set_built=True)
    )


@pytest.mark.parametrize("receipt", [receipts.rollback(), receipts.failed_etl(), receipts.failed_transform()])
def test_every_kind_of_execution_has_a_summary(receipt: RunReceipt) -> None:
    assert summary(receipt)
