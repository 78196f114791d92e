"""What a receipt says, in the words that its page, the index, the terminal and the comparison share."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from buyer_stage.domain.audit import RuleResult
from buyer_stage.domain.console_links import execution_link
from buyer_stage.domain.documents import LabeledSetManifest, SplitCounts
from buyer_stage.domain.labeled_set import SPLIT_SHARES
from buyer_stage.domain.s3_layout import RUN_RECEIPTS_INDEX_KEY, run_receipt_page_key
from buyer_stage.domain.serving_documents import PushKind, StageChanges
from buyer_stage.domain.windows import Window
from buyer_stage.quality.bootstrap import Estimate
from buyer_stage.quality.evaluation import HIGHER_IS_BETTER, Evaluation
from buyer_stage.receipts.document import Outcome, Pipeline, RunReceipt


class Level(StrEnum):
    """How good an outcome is."""

    GOOD = "good"
    WARNING = "warning"
    """The members were served, and a person must act anyway."""
    BAD = "bad"


LEVELS = {
    Outcome.SUCCEEDED: Level.GOOD,
    Outcome.ROLLED_BACK: Level.GOOD,
    Outcome.SERVED_WITHOUT_TRAINING: Level.WARNING,
    Outcome.HELD: Level.BAD,
    Outcome.FAILED: Level.BAD,
}

SMALLEST_NUMBER = 0.0001
"""Smaller numbers are shown as under it."""

RUNBOOK = "docs/operations.md"

RUNBOOK_SECTIONS = {
    "DataLakeError": "A day's input is refused",
    "TrainingDataMissing": "No approved model",
    "LabeledSetError": "No approved model",
    "ModelNotApproved": "No approved model",
    "ModelError": "No approved model",
    "PollLimitExceeded": "An execution took too long",
    "JobFailedError": "Follow one execution",
    "JobStoppedError": "Run a day again",
    "ScoresHeldError": "A day is held",
    "ScoredLinesLostError": "Read a receipt and a quarantine",
}
"""Error -> section of the runbook, if it has another one than `An execution failed`."""


@dataclass(frozen=True)
class Handover:
    """A point at which rows pass from one part of the pipeline to the next.

    Attributes:
        name: what is counted.
        count: rows; None if the execution did not get there.
        note: what the count means, or where rows went.
    """

    name: str
    count: int | None
    note: str = ""


def level(receipt: RunReceipt) -> Level:
    """Return how good the outcome is."""
    return LEVELS[receipt.outcome]


def day_name(day: date) -> str:
    """Return a day for people, such as `November 28, 2026`."""
    return f"{day:%B} {day.day}, {day.year}"


def duration_name(seconds: float) -> str:
    """Return a duration for people, such as `1 h 12 min`, `4 min 05 s` or `38 s`."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def environment(receipt: RunReceipt) -> str:
    """Return the environment, with which the name of the state machine ends."""
    return receipt.execution_arn.split(":")[6].rpartition("-")[2]


def duration(receipt: RunReceipt) -> float:
    """Return the seconds from the start of the execution to its end."""
    return (receipt.ended_at - receipt.started_at).total_seconds()


def members(receipt: RunReceipt) -> int | None:
    """Return how many members the snapshot has; None if the execution did not get to know."""
    if receipt.features is not None:
        return receipt.features.row_count
    return None if receipt.push is None else receipt.push.read


def model_version(receipt: RunReceipt) -> str | None:
    """Return the model that scored the snapshot; None if none did."""
    if receipt.model_card is not None:
        return receipt.model_card.model_version
    return None if receipt.publication is None else receipt.publication.state.model_version


def flip_rate(receipt: RunReceipt) -> float | None:
    """Return the share of members whose stage changes; None without an earlier snapshot."""
    return None if receipt.push is None else receipt.push.changes.flip_rate()


def stage_counts(receipt: RunReceipt) -> dict[str, int] | None:
    """Return served stage -> members of the snapshot; None if the push counted none. A held day would have them."""
    return receipt.push.stages if receipt.push is not None and any(receipt.push.stages.values()) else None


def verdict(receipt: RunReceipt) -> str:
    """Return in one line whether the execution did what it should, and what the table has now."""
    day, failure, publication = f"{receipt.snapshot_date:%B %-d}", receipt.failure, receipt.publication
    count = f"{members(receipt) or 0:,} members"
    if receipt.pipeline is Pipeline.ETL:
        where = f"Failed in {failure.state}: {day} has no new features" if failure else ""
        return where or f"Good: the features of {count} on {day} are complete and validated"
    if receipt.outcome is Outcome.SUCCEEDED:
        flips = flip_rate(receipt)
        return f"Good: {count} served for {day}" + ("" if flips is None else f", {flips:.1%} changed stage")
    if receipt.outcome is Outcome.ROLLED_BACK:
        return f"Rolled back: the table has the stages of {day} again"
    if receipt.outcome is Outcome.SERVED_WITHOUT_TRAINING:
        return f"{day} served with the model in use, because the training failed"
    if receipt.outcome is Outcome.HELD and receipt.push is not None:
        broken = sum(rule.is_broken() for rule in receipt.push.audit)
        return f"Held: {day} breaks {broken} of {len(receipt.push.audit)} audit rules, nothing was written"
    where = f"Failed in {failure.state}" if failure else "Failed"
    if publication is not None:
        return f"{where}, after the table got the stages of {day}"
    return f"{where}: no stages were published for {day}"


def window_rows(receipt: RunReceipt) -> list[Handover]:
    """Return the rows of each window in the data lake; empty without features."""
    counts = {} if receipt.features is None else receipt.features.window_row_counts
    return [
        Handover(f"{window.days} day{'s' if window.days > 1 else ''}", counts[window.value])
        for window in Window
        if window.value in counts
    ]


def handovers(receipt: RunReceipt) -> list[Handover]:
    """Return the rows at each point where a part of the pipeline hands them to the next one."""
    features, validation, push = receipt.features, receipt.validation, receipt.push
    steps = []
    if push is None or push.kind is PushKind.SCORES:
        suppressed = f"{features.suppressed_members:,} suppressed" if features and features.suppressed_members else ""
        steps += [
            Handover("members with features", features.row_count if features else None, suppressed),
            Handover("members validated", validation.row_count if validation else None),
        ]
    if receipt.pipeline is Pipeline.ML:
        read = "scored lines read" if push is None or push.kind is PushKind.SCORES else "rows of the state read"
        table = receipt.publication.state.members if receipt.publication and push and not push.held else None
        steps += [
            Handover(read, push.read if push else None, f"of {push.expected:,} expected" if push else ""),
            Handover("members in the table", table, f"{push.carried:,} carried" if push and push.carried else ""),
            Handover(
                "events sent",
                push.events_sent if push else None,
                f"{push.events_failed:,} not accepted" if push and push.events_failed else "",
            ),
        ]
    return steps


def push_parts(receipt: RunReceipt) -> list[Handover]:
    """Return what became of the lines that the push has read: the parts add up to `read` unless the day is held."""
    push = receipt.push
    if push is None or push.held:
        return []
    return [
        Handover("written", push.written, ", ".join(f"{count:,} {why}" for why, count in sorted(push.reasons.items()))),
        Handover("unchanged", push.unchanged, "the table has them already"),
        Handover("quarantined", push.quarantined, "refused, and kept with the reason"),
        Handover("suppressed", push.suppressed, "of forgotten members"),
        Handover("failed", push.failed, "not accepted by DynamoDB"),
    ]


def number(value: float) -> str:
    """Return a number for people: whole if it is large, with four digits otherwise."""
    if 0 < abs(value) < SMALLEST_NUMBER:
        return f"under {SMALLEST_NUMBER}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def moved_points(stage: str, before: dict[str, int], now: dict[str, int]) -> str:
    """Return by how many percentage points the share of a stage has moved."""
    points = 100 * (now[stage] / sum(now.values()) - before[stage] / sum(before.values()))
    return f"{round(points, 1) + 0.0:+.1f}"  # Without the addition, a small decrease is -0.0.


def words(name: str) -> list[str]:
    """Return the words of a name such as `CheckDrift`."""
    return re.findall(r"[A-Z]*[^A-Z]+|[A-Z]+$", name) or [name]


def console_link(receipt: RunReceipt) -> str | None:
    """Return the link to the execution in the console; None for the local cloud, which has none."""
    return None if environment(receipt) == "local" else execution_link(receipt.execution_arn)


def limits(rule: RuleResult) -> str:
    """Return what an audit rule allows, for people."""
    return f"at most {rule.highest:g}" if rule.lowest is None else f"{rule.lowest:g} to {rule.highest:g}"


def transitions_total(changes: StageChanges) -> int:
    """Return how many members have an earlier and a current stage."""
    return sum(sum(now.values()) for now in changes.transitions.values())


def metrics(evaluation: Evaluation) -> list[tuple[str, Estimate, float]]:
    """Return each metric with its estimate for the model and its value without a model."""
    without = evaluation.baselines["prior"]
    return [
        (name.replace("_", " "), evaluation.metrics[name], without[name].value)
        for name in HIGHER_IS_BETTER
        if name in evaluation.metrics
    ]


def splits(labeled_set: LabeledSetManifest) -> list[tuple[str, SplitCounts]]:
    """Return the splits of a labeled set with their sizes."""
    return [(split, labeled_set.splits[split]) for split in SPLIT_SHARES]


def confusion(evaluation: Evaluation) -> dict[str, dict[str, float]]:
    """Return label -> predicted stage -> rows, without intervals."""
    return {
        label: {stage: rows.value for stage, rows in predicted.items()}
        for label, predicted in evaluation.confusion.items()
    }


def why_missing(receipt: RunReceipt) -> str:
    """Return why a receipt does not have a part that others have."""
    if receipt.outcome is Outcome.ROLLED_BACK:
        return "A rollback does not score: it brings an earlier state back."
    if receipt.outcome is Outcome.HELD:
        return "The day is held: this is known when it is served."
    if receipt.failure is not None:
        return f"The execution failed in {receipt.failure.state}, before this was known."
    return "The execution did not write it."


def runbook_section(receipt: RunReceipt) -> str | None:
    """Return the heading in `RUNBOOK` that says what to do about the failure; None without one."""
    if receipt.failure is None:
        return None
    return RUNBOOK_SECTIONS.get(receipt.failure.error, "An execution failed")


def order(receipt: RunReceipt) -> tuple[datetime, str]:
    """Return what sorts receipts from the oldest to the newest."""
    return receipt.started_at, receipt.execution_name


def served_days(receipts: Iterable[RunReceipt], last: date, days: int) -> dict[date, RunReceipt | None]:
    """Return for each of the last days the receipt of the execution that served it; None where none did.

    Args:
        receipts: receipts in any order; the newest one of a day counts.
        last: the last day.
        days: number of days, 1 or more; days before the first one that was served are left out.
    """
    served = {
        receipt.snapshot_date: receipt
        for receipt in sorted(receipts, key=order)
        if receipt.push is not None
        and receipt.push.kind is PushKind.SCORES
        and receipt.publication is not None
        and stage_counts(receipt)
    }
    calendar = [last - timedelta(days=back) for back in range(days - 1, -1, -1)]
    first = min((day for day in calendar if day in served), default=last)
    return {day: served.get(day) for day in calendar if day >= first}


def link_to(receipt: RunReceipt, other: RunReceipt) -> str:
    """Return the link from a receipt's page to the page of another one."""
    return _to_index(receipt) + link_from_index(other)


def link_to_index(receipt: RunReceipt) -> str:
    """Return the link from a receipt's page to the index."""
    return _to_index(receipt) + RUN_RECEIPTS_INDEX_KEY.rpartition("/")[2]


def link_from_index(receipt: RunReceipt) -> str:
    """Return the link from the index to a receipt's page."""
    folder = RUN_RECEIPTS_INDEX_KEY.rpartition("/")[0]
    return run_receipt_page_key(receipt.snapshot_date, receipt.execution_name).removeprefix(f"{folder}/")


def _to_index(receipt: RunReceipt) -> str:
    return "../" * link_from_index(receipt).count("/")
