"""The pages that people meet, for tests and for the pictures in the documentation."""

from collections.abc import Callable

from buyer_stage.receipts.index import render_index
from buyer_stage.receipts.page import render_page
from tests import receipts

PAGES: dict[str, Callable[[], str]] = {
    "good day": lambda: render_page(receipts.good_day(), receipts.month()),
    "held day": lambda: render_page(receipts.held_day(), receipts.month()),
    "failed training": lambda: render_page(receipts.failed_training(), receipts.month()),
    "failed ML pipeline": lambda: render_page(receipts.failed_transform(), receipts.month()),
    "first day": lambda: render_page(receipts.first_day(), [receipts.etl_run(is_labeled_set_built=True)]),
    "rollback": lambda: render_page(receipts.rollback(), receipts.month()),
    "ETL": lambda: render_page(receipts.etl_run(is_labeled_set_built=True), receipts.month()),
    "failed ETL": lambda: render_page(receipts.failed_etl(), receipts.month()),
    "index": lambda: render_index([*receipts.month(), receipts.good_day()]),
    "first index": lambda: render_index([receipts.etl_run()]),
}
"""Name -> function that renders the page."""
