"""The page of a receipt: one HTML file without scripts, fonts or external addresses."""

import json
from collections.abc import Sequence

from buyer_stage.receipts.document import RunReceipt
from buyer_stage.receipts.facts import duration, order, served_days, stage_counts
from buyer_stage.receipts.rendering import templates

DAYS = 14
"""Days whose stages the page shows."""


def render_page(receipt: RunReceipt, recent: Sequence[RunReceipt]) -> str:
    """Return the page of a receipt.

    Args:
        receipt: the receipt.
        recent: receipts of the last 30 days of both pipelines, in any order.
    """
    others = [other for other in recent if other.execution_arn != receipt.execution_arn]
    served = served_days([*others, receipt], receipt.snapshot_date, DAYS)
    days = {day: each and stage_counts(each) for day, each in served.items()}
    earlier = [(day, counts) for day, counts in days.items() if counts and day < receipt.snapshot_date]
    related = [other for other in others if other.snapshot_date == receipt.snapshot_date]
    return (
        templates()
        .get_template("page.html")
        .render(
            receipt=receipt,
            days=days,
            before=earlier[-1] if earlier else None,
            related=sorted(related, key=order, reverse=True),
            execution_input=json.dumps(receipt.input, indent=2, sort_keys=True),
            total_seconds=max(duration(receipt), 1.0),
        )
    )
