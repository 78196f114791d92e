"""Counts what a push is about to do, in one pass over its decisions."""

from collections import Counter
from dataclasses import dataclass, field

from pyspark.sql import DataFrame
from pyspark.sql import functions as sf

from buyer_stage.domain.stages import Stage
from buyer_stage.spark.suppression import IS_SUPPRESSED
from glue.desired_state import has_changed


@dataclass
class PushCounts:
    """Counts of the rows that `desired_state.decide` returns.

    Attributes:
        sources: scored members, or rows of the state to go back to or to renew.
        unchanged: those among them whose item stays.
        quarantined: refused lines.
        suppressed: lines or rows of suppressed members.
        members: rows of the new state.
        reasons: why items of the sources are to be written -> items.
        stages: stage to serve -> sources.
        predicted: predicted stage -> scored members.
        transitions: (stage served before, stage to serve) -> sources that have both.
        waiting: scored members whose stage does not follow the prediction yet.
        changes: members whose served stage changes, appears or disappears.
        first_expiry: when the first item of the new state expires; None without items.
        last_expiry: when the last one does.
    """

    sources: int = 0
    unchanged: int = 0
    quarantined: int = 0
    suppressed: int = 0
    members: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    stages: Counter[str] = field(default_factory=Counter)
    predicted: Counter[str] = field(default_factory=Counter)
    transitions: Counter[tuple[str, str]] = field(default_factory=Counter)
    waiting: int = 0
    changes: int = 0
    first_expiry: int | None = None
    last_expiry: int | None = None

    def transition_table(self) -> dict[str, dict[str, int]]:
        """Return stage served before -> stage to serve -> sources, also where there are none."""
        return {then.value: {now.value: self.transitions[then, now] for now in Stage} for then in Stage}


def by_stage(counts: Counter[str]) -> dict[str, int]:
    """Return the count of every stage, also where it is 0."""
    return {stage.value: counts[stage] for stage in Stage}


def count_decisions(decided: DataFrame) -> PushCounts:
    """Count the rows that `desired_state.decide` returns."""
    groups = decided.groupBy(
        "is_source",
        sf.col("refusal").isNotNull().alias("is_refused"),
        IS_SUPPRESSED,
        "reason",
        sf.col("row.stage").alias("stage"),
        "predicted",
        "previous",
    ).agg(
        sf.count("*").alias("rows"),
        sf.sum(has_changed().cast("long")).alias("changes"),
        sf.min("row.ttl").alias("first_expiry"),
        sf.max("row.ttl").alias("last_expiry"),
    )
    counts, expiries = PushCounts(), []
    for group in groups.collect():
        rows = group["rows"]
        counts.changes += group.changes
        if group.is_refused:
            counts.quarantined += rows
        if group[IS_SUPPRESSED]:
            counts.suppressed += rows
        if group.stage is not None:
            counts.members += rows
            expiries += [group.first_expiry, group.last_expiry]
        if not group.is_source:
            continue
        counts.sources += rows
        counts.stages[group.stage] += rows
        if group.reason is None:
            counts.unchanged += rows
        else:
            counts.reasons[group.reason] += rows
        if group.predicted is not None:
            counts.predicted[group.predicted] += rows
            counts.waiting += rows if group.predicted != group.stage else 0
        if group.previous is not None:
            counts.transitions[group.previous, group.stage] += rows
    counts.first_expiry, counts.last_expiry = min(expiries, default=None), max(expiries, default=None)
    return counts
