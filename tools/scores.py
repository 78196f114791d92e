"""List the states of the serving table that are kept, or bring an earlier one back.

python -m tools.scores list --environment dev
python -m tools.scores rollback --environment dev [--to YYYYMMDD]

`rollback` returns to the state before the live one, or to the latest state of the snapshot that `--to` names. It starts
the ML pipeline, whose push compares the two states and writes what differs. Outside the local cloud it asks first. In a
workflow it neither asks, because an approver was asked, nor reads the states, because its role cannot read data. The
execution refuses a state that is not kept, too.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, TypeVar

import boto3
from pydantic import TypeAdapter
from rich.console import Console
from rich.table import Table

from buyer_stage.domain.data_inventory import top_folder
from buyer_stage.domain.errors import BuyerStageError, InvalidInputError, InvalidManifestError
from buyer_stage.domain.s3_layout import (
    CURRENT_PUBLICATION_KEY,
    PENDING_PUSH_KEY,
    push_receipt_key,
    served_items_prefix,
)
from buyer_stage.domain.serving_documents import PendingPush, Publication, PushKind, PushReceipt, ServedState
from buyer_stage.domain.snapshot_date import parse_snapshot_date
from buyer_stage.domain.stages import Stage
from lambdas.common.documents import load_document
from tools.environment import LOCAL, require
from tools.execution import find_state_machine, live_alias, run
from tools.terraform import ENVIRONMENTS, in_workflow

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

T = TypeVar("T")

PREVIOUS = "previous"
"""The state before the live one, in the input of an execution."""
UNKNOWN = "-"


@dataclass(frozen=True)
class KeptState:
    """A state whose rows are kept.

    Attributes:
        state: the state.
        kind: where the push took it from; None if it was never published.
        published_at: when the push ended; None if it was never published.
    """

    state: ServedState
    kind: PushKind | None
    published_at: datetime | None

    @property
    def order(self) -> tuple[int, int]:
        """Sequence of the publication that the state was meant for, and attempt at it, from the folder's name."""
        sequence, attempt = self.state.folder.rstrip("/").rpartition("/")[2].split("-")
        return int(sequence), int(attempt)

    def describe(self) -> str:
        """Return the state in a few words."""
        return (
            f"state {self.order[0]} of snapshot {self.state.snapshot_date} ({self.state.members:,} members, model "
            f"{self.state.model_version})"
        )


@dataclass(frozen=True)
class Serving:
    """What is kept about the table.

    Attributes:
        live: the live state; None before the first publication.
        states: the states that are kept, newest first.
        pending: folders of the states that pushes began to write since the live one was published.
    """

    live: Publication | None
    states: tuple[KeptState, ...]
    pending: tuple[str, ...]

    def is_live(self, state: KeptState) -> bool:
        """Check whether a state is the live one."""
        return self.live is not None and state.state.folder == self.live.state.folder

    def find(self, rollback_to: str) -> tuple[KeptState, KeptState]:
        """Return the live state and the state that a rollback would bring back.

        Args:
            rollback_to: `previous`, or a snapshot as `YYYYMMDD`.

        Raises:
            InvalidInputError: there is no such state, or it is not kept.
        """
        live = next((state for state in self.states if self.is_live(state)), None)
        if self.live is None or live is None:
            raise InvalidInputError("no state is live, so there is nothing to roll back; run the ML pipeline first")
        if rollback_to == PREVIOUS:
            found = [state for state in self.states if state.state.folder == self.live.state.previous]
            wanted = "the state before the live one"
        else:
            day = parse_snapshot_date(rollback_to)
            found = [state for state in self.states if state.state.snapshot_date == day and state is not live]
            wanted = f"another state of snapshot {day} than the live one"
        if not found:
            days = sorted({str(state.state.snapshot_date) for state in self.states if state is not live})
            raise InvalidInputError(
                f"{wanted} is not kept; choose one of these snapshots: {', '.join(days) or 'none is kept'}"
            )
        return live, found[0]


class Bucket:
    """The documents of a pipeline bucket about its table."""

    def __init__(self, s3: "S3Client", name: str) -> None:
        self.s3, self.name = s3, name

    def load(self, key: str, document: type[T]) -> T | None:
        """Load a document; None if it does not exist."""
        return load_document(self.s3, self.name, key, TypeAdapter(document))

    def keys(self, prefix: str) -> Iterator[tuple[str, datetime]]:
        """Yield each key below a prefix, with the time of its last change."""
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix):
            yield from ((found["Key"], found["LastModified"]) for found in page.get("Contents", []))

    def receipts(self, snapshot_date: date) -> dict[int, tuple[PushKind, datetime]]:
        """Return kind and end of the pushes that published a state of a snapshot, by their sequence."""
        found = {}
        prefix = push_receipt_key(snapshot_date, "").removesuffix(".json")
        for key, ended_at in sorted(self.keys(prefix), key=lambda found: found[1]):
            receipt = self.load(key, PushReceipt)
            if receipt is not None and receipt.sequence is not None:
                found[receipt.sequence] = (receipt.kind, ended_at)
        return found

    def read(self) -> Serving:
        """Read what is kept about the table.

        Raises:
            InvalidManifestError: a document is damaged.
        """
        live, pending = self.load(CURRENT_PUBLICATION_KEY, Publication), self.load(PENDING_PUSH_KEY, PendingPush)
        keys = [key for key, _ in self.keys(top_folder(served_items_prefix(date.min)))]
        # The rows expire. A description without rows, or rows without a description, are not a state to go back to.
        folders = {key[: key.rindex("/") + 1] for key in keys}
        described = [key for key in keys if f"{key.removesuffix('.json')}/" in folders]
        states = {state.folder: state for key in described if (state := self.load(key, ServedState))}
        published = self._published(states, live)
        kept = [KeptState(state, *published.get(state.folder, (None, None))) for state in states.values()]
        return Serving(
            live,
            tuple(sorted(kept, key=lambda state: state.order, reverse=True)),
            pending.folders if pending else (),
        )

    def _published(
        self, states: dict[str, ServedState], live: Publication | None
    ) -> dict[str, tuple[PushKind, datetime]]:
        """Return folder -> kind and time of the states that were live at some time: one leads to the one before."""
        published: dict[str, tuple[PushKind, datetime]] = {}
        receipts: dict[date, dict[int, tuple[PushKind, datetime]]] = {}
        if live is None:
            return published
        published[live.state.folder] = (live.kind, live.published_at)
        folder = live.state.previous
        while folder in states:
            state = states[folder]
            if state.snapshot_date not in receipts:
                receipts[state.snapshot_date] = self.receipts(state.snapshot_date)
            sequence, _ = KeptState(state, None, None).order
            if found := receipts[state.snapshot_date].get(sequence):
                published[folder] = found
            folder = state.previous
        return published


def show(serving: Serving, console: Console) -> None:
    """Print the states, newest first, and what a push that died left behind."""
    table = Table("state", "snapshot", "published at (UTC)", "kind", "model", "members", "scored", *Stage)
    for state in serving.states:
        stages = [state.state.stages.get(stage, 0) for stage in Stage]
        table.add_row(
            f"{state.order[0]}{' (live)' if serving.is_live(state) else ''}",
            f"{state.state.snapshot_date}",
            f"{state.published_at:%Y-%m-%d %H:%M}" if state.published_at else UNKNOWN,
            state.kind or UNKNOWN,
            state.state.model_version,
            *(f"{count:,}" for count in (state.state.members, state.state.scored_members, *stages)),
            style="bold" if serving.is_live(state) else None,
        )
    if serving.states:
        console.print(table)
    else:
        console.print("No state is kept. The next execution of the ML pipeline publishes one.")
    for folder in serving.pending:
        console.print(
            f"pending: {folder}. A push is writing this state, or died while it did; the next push corrects the table.",
            highlight=False,
            soft_wrap=True,
        )


def confirm(environment: str, live: KeptState, target: KeptState, console: Console) -> bool:
    """Show from which state to which a rollback goes, and ask a person, except in the local cloud."""
    console.print(f"from: {live.describe()}\nto:   {target.describe()}", highlight=False, soft_wrap=True)
    return environment == LOCAL or (
        console.input(f"Roll back the scores of {environment}? Only 'yes' is accepted: ") == "yes"
    )


def show_outcome(bucket: Bucket, console: Console) -> None:
    """Print what the push that published the live state has changed, from its receipt."""
    live = bucket.load(CURRENT_PUBLICATION_KEY, Publication)
    if live is None:
        raise InvalidManifestError(f"{CURRENT_PUBLICATION_KEY} does not exist after a rollback; look at its execution")
    key = push_receipt_key(live.state.snapshot_date, live.run_name)
    receipt = bucket.load(key, PushReceipt)
    if receipt is None:
        raise InvalidManifestError(f"{key} does not exist after a rollback; look at its execution")
    console.print(
        f"The table has the stages of snapshot {live.state.snapshot_date} again: {receipt.written:,} items written, "
        f"{receipt.deleted:,} deleted, {receipt.unchanged:,} unchanged. The next daily run goes forward from here.",
        highlight=False,
        soft_wrap=True,
    )


def roll_back(environment: str, rollback_to: str, console: Console) -> bool:
    """Bring an earlier state back and wait for the end.

    Args:
        environment: name of the environment.
        rollback_to: `previous`, or a snapshot as `YYYYMMDD`.
        console: where to ask, and to show what happens.

    Returns:
        Whether the table has the state.

    Raises:
        InvalidInputError: there is no such state, or it is not kept.
        LookupError: the ML pipeline is not deployed.
    """
    bucket = None if in_workflow(environment) else find_bucket(environment)
    if bucket and not confirm(environment, *bucket.read().find(rollback_to), console):
        console.print("Nothing was changed.")
        return False
    machine = live_alias(find_state_machine("ml", environment))
    execution = run(machine, {"rollback_to": rollback_to}, console)
    if execution.status != "SUCCEEDED":
        return False
    if bucket:
        show_outcome(bucket, console)
    else:
        console.print_json(json.dumps(execution.output))
    return True


def find_bucket(environment: str) -> Bucket:
    """Return the pipeline bucket of an environment."""
    account = boto3.client("sts").get_caller_identity()["Account"]
    return Bucket(boto3.client("s3"), f"buyer-stage-ml-pipeline-{environment}-{account}")


def main() -> None:
    """List the states, or bring one back; exit with 1 when the table does not have the state then."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["list", "rollback"])
    parser.add_argument("--environment", required=True, choices=ENVIRONMENTS)
    parser.add_argument("--to", help="for rollback: the snapshot, as YYYYMMDD; default: the state before the live one")
    arguments = parser.parse_args()
    require(arguments.environment)
    console = Console()
    try:
        if arguments.action == "list":
            show(find_bucket(arguments.environment).read(), console)
        else:
            if arguments.to:
                parse_snapshot_date(arguments.to)
            sys.exit(not roll_back(arguments.environment, arguments.to or PREVIOUS, console))
    except (BuyerStageError, LookupError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
