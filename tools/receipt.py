"""Show what an execution did: as a page, in the terminal, or compared with another execution.

python -m tools.receipt page --environment dev [--day YYYYMMDD]
python -m tools.receipt summary --environment dev [--day YYYYMMDD]
python -m tools.receipt diff --environment dev FIRST SECOND

Without a day, `page` and `summary` show the newest execution of the ML pipeline. `page` downloads the page, the JSON
and the pages of the same snapshot, prints where the page is, and opens it if there is a display. FIRST and SECOND are
days or names of executions; of a day, the newest execution of the ML pipeline counts. `diff` exits with 0 if the two do
not differ, with 1 if they do, and with 2 if one of them does not exist.
"""

import argparse
import os
import re
import sys
import webbrowser
from datetime import date
from pathlib import Path

from rich.console import Console

from buyer_stage.domain.errors import BuyerStageError
from buyer_stage.domain.s3_layout import (
    RUN_RECEIPTS_INDEX_KEY,
    RUN_RECEIPTS_PREFIX,
    run_receipt_page_key,
    run_receipts_prefix,
)
from buyer_stage.domain.snapshot_date import parse_snapshot_date
from buyer_stage.receipts.difference import compare
from buyer_stage.receipts.document import Pipeline, RunReceipt
from buyer_stage.receipts.facts import order
from tools.environment import require
from tools.repository import REPOSITORY
from tools.scores import Bucket, find_bucket
from tools.summary import print_summary
from tools.terraform import ENVIRONMENTS

DOWNLOADS = REPOSITORY / "build" / "receipts"
DOCUMENT, PAGE = ".json", ".html"

DIFFERENT, NOT_FOUND = 1, 2
"""Exit codes of `diff`."""


def newest(bucket: Bucket) -> RunReceipt:
    """Return the receipt of the newest execution of the ML pipeline.

    Raises:
        LookupError: there is none.
    """
    for _, key in sorted(((written, key) for key, written in bucket.keys(RUN_RECEIPTS_PREFIX)), reverse=True):
        if key.endswith(DOCUMENT):
            receipt = bucket.load(key, RunReceipt)
            if receipt is not None and receipt.pipeline is Pipeline.ML:
                return receipt
    raise LookupError(f"{bucket.name} has no receipt of the ML pipeline yet; start it with `make start-ml`")


def of_day(bucket: Bucket, day: date) -> RunReceipt:
    """Return the receipt of a snapshot's newest execution of the ML pipeline, or of the ETL if there is none.

    Raises:
        LookupError: there is neither.
    """
    keys = [key for key, _ in bucket.keys(run_receipts_prefix(day)) if key.endswith(DOCUMENT)]
    receipts = [receipt for key in keys if (receipt := bucket.load(key, RunReceipt)) is not None]
    if not receipts:
        raise LookupError(
            f"{bucket.name} has no receipt for snapshot {day}; choose a day that {RUN_RECEIPTS_INDEX_KEY} lists"
        )
    return max(receipts, key=lambda receipt: (receipt.pipeline is Pipeline.ML, order(receipt)))


def find(bucket: Bucket, name: str) -> RunReceipt:
    """Return the receipt of a day as `YYYYMMDD`, or of the execution with a name.

    Raises:
        InvalidInputError: the name has eight digits and is not a day.
        LookupError: there is no such receipt.
    """
    if re.fullmatch(r"\d{8}", name):
        return of_day(bucket, parse_snapshot_date(name))
    for key, _ in bucket.keys(RUN_RECEIPTS_PREFIX):
        if key.endswith(f"/{name}{DOCUMENT}") and (receipt := bucket.load(key, RunReceipt)) is not None:
            return receipt
    raise LookupError(f"{bucket.name} has no receipt of an execution {name}; give its full name, or a day as YYYYMMDD")


def download(bucket: Bucket, receipt: RunReceipt, folder: Path) -> Path:
    """Download the receipts of a snapshot and the index, so that the links between them work.

    Args:
        bucket: the pipeline bucket.
        receipt: a receipt of the snapshot.
        folder: folder for the files, each of which has its key as its path.

    Returns:
        The file of the receipt's page.

    Raises:
        LookupError: the page does not exist.
    """
    keys = [key for key, _ in bucket.keys(run_receipts_prefix(receipt.snapshot_date))]
    page = run_receipt_page_key(receipt.snapshot_date, receipt.execution_name)
    if page not in keys:
        raise LookupError(f"{bucket.name} has no {page}; look at the log of the function write_run_receipt")
    for key in [*keys, *(key for key, _ in bucket.keys(RUN_RECEIPTS_INDEX_KEY))]:
        file = folder / key
        file.parent.mkdir(parents=True, exist_ok=True)
        bucket.s3.download_file(bucket.name, key, str(file))
    return folder / page


def has_display() -> bool:
    """Check whether this machine can show a browser."""
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def show_page(bucket: Bucket, receipt: RunReceipt, folder: Path, console: Console) -> None:
    """Download the page of a receipt, print where it is, and open it if there is a display."""
    page = download(bucket, receipt, folder)
    console.print(str(page), highlight=False, soft_wrap=True)
    if has_display():
        webbrowser.open(page.as_uri())


def show_difference(first: RunReceipt, second: RunReceipt, console: Console) -> int:
    """Print what differs between two receipts, and return the exit code."""
    differences = compare(first, second)
    for difference in differences:
        console.print(
            str(difference),
            style="bold" if difference.is_large else None,
            highlight=False,
            soft_wrap=True,
            markup=False,
        )
    return DIFFERENT if differences else 0


def main() -> None:
    """Show a receipt, or what differs between two."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["page", "summary", "diff"])
    parser.add_argument("executions", nargs="*", help="for diff: two days as YYYYMMDD, or names of executions")
    parser.add_argument("--environment", required=True, choices=ENVIRONMENTS)
    parser.add_argument("--day", help="snapshot as YYYYMMDD, or name of an execution; default: the newest execution")
    arguments = parser.parse_intermixed_args()  # The two executions follow the environment.
    if len(arguments.executions) != (2 if arguments.action == "diff" else 0):
        parser.error("diff needs two executions, and the other actions none")
    require(arguments.environment)
    console = Console()
    try:
        bucket = find_bucket(arguments.environment)
        if arguments.action == "diff":
            first, second = (find(bucket, name) for name in arguments.executions)
            sys.exit(show_difference(first, second, console))
        receipt = find(bucket, arguments.day) if arguments.day else newest(bucket)
        if arguments.action == "page":
            show_page(bucket, receipt, DOWNLOADS / arguments.environment, console)
        else:
            print_summary(receipt, console)
    except (BuyerStageError, LookupError) as error:
        print(error, file=sys.stderr)
        sys.exit(NOT_FOUND)


if __name__ == "__main__":
    main()
