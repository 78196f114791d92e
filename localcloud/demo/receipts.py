"""Read the receipts of a run from its output folder, and compare them with what the demo counts itself."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

from pydantic import TypeAdapter

from buyer_stage.domain.s3_layout import inference_results_prefix, run_receipt_key, run_receipt_page_key
from buyer_stage.receipts.document import RunReceipt
from tools.execution import Execution

PAGES = "ml", "etl"
"""Pipelines in the order in which people want to see them."""


def read_receipt(bucket: Path, day: date, execution: Execution) -> RunReceipt:
    """Read the receipt of an execution from the exported pipeline bucket."""
    name = execution.arn.rpartition(":")[2]
    return TypeAdapter(RunReceipt).validate_json((bucket / run_receipt_key(day, name)).read_bytes())


def find_page(bucket: Path, day: date, executions: Mapping[str, Execution]) -> Path | None:
    """Return the page of a day's last pipeline; None if its receipt could not be written.

    Args:
        bucket: the exported pipeline bucket.
        day: the snapshot.
        executions: `etl` and `ml` -> the execution, as far as there is one.
    """
    last = next(executions[pipeline] for pipeline in PAGES if pipeline in executions)
    page = bucket / run_receipt_page_key(day, last.arn.rpartition(":")[2])
    return page if page.is_file() else None


def find_problems(receipt: RunReceipt, bucket: Path, *, distinct_members: int, items: int) -> list[str]:
    """Return which figures do not add up.

    Args:
        receipt: of a successful execution of the ML pipeline.
        bucket: the exported pipeline bucket.
        distinct_members: members in the snapshot, counted without the pipeline.
        items: items in the table.
    """
    push, features, validation = receipt.push, receipt.features, receipt.validation
    if push is None or features is None or validation is None:
        return ["the receipt has no features, no validation or no push"]
    transform = next(job.name for job in receipt.jobs if job.kind == "batch transform")
    outputs = (bucket / inference_results_prefix(receipt.snapshot_date, transform)).glob("*.out")
    rows = {
        "feature rows": features.row_count,
        "validated rows": validation.row_count,
        "scored lines": sum(len(file.read_text().splitlines()) for file in outputs),
        "scored lines read by the push": push.read,
        "items written or unchanged": push.written + push.unchanged,
        "items in the table": items - push.carried,
    }
    problems = [
        f"{name}: {count:,} instead of {distinct_members:,}"
        for name, count in rows.items()
        if count != distinct_members
    ]
    lost = {"quarantined": push.quarantined, "failed": push.failed, "change events failed": push.events_failed}
    return problems + [f"scored lines {name}: {count:,}" for name, count in lost.items() if count]
