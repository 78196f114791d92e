"""What differs between two executions, the most important first."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from buyer_stage.domain.documents import FeatureManifest
from buyer_stage.domain.serving_documents import PushReceipt
from buyer_stage.domain.shift import DriftLevel, measure_shift
from buyer_stage.domain.stages import Stage
from buyer_stage.domain.windows import Window
from buyer_stage.receipts.document import RunReceipt
from buyer_stage.receipts.facts import duration, duration_name, flip_rate, members, model_version, stage_counts

USUAL_CHANGE = (-0.1, 0.25)
"""Least and greatest change of a number of rows between ordinary days: the audit's limits for scored members."""

USUAL_FLIP_RATE_CHANGE = 0.05
USUAL_SECONDS, USUAL_RATIO = 60.0, 1.5
"""Durations differ when one is that many seconds and that many times longer. Less is noise."""

NOTHING = "nothing"

PUSH_COUNTS = (
    "read", "written", "unchanged", "quarantined", "suppressed", "failed", "carried", "deleted", "corrected",
    "events_sent", "events_failed",
)  # fmt: skip
LOSSES = frozenset({"quarantined", "failed", "events_failed"})
"""Counts of rows and events that did not get where they should."""


@dataclass(frozen=True)
class Difference:
    """A fact that differs.

    Attributes:
        what: the fact.
        before: what the first receipt says.
        after: what the second receipt says.
        is_large: whether ordinary days differ by less.
    """

    what: str
    before: str
    after: str
    is_large: bool = False

    def __str__(self) -> str:
        return f"{self.what}: {self.before} -> {self.after}"


def compare(first: RunReceipt, second: RunReceipt) -> list[Difference]:
    """Return what differs between two receipts: large differences first, and each kind in the order of importance.

    All executions differ in their names and times, which do not count.
    """
    found = [
        *_count("members", members(first), members(second)),
        *_outcome(first, second),
        *_audit(first.push, second.push),
        *_stages(stage_counts(first), stage_counts(second)),
        *_flip_rate(flip_rate(first), flip_rate(second)),
        *_models(first, second),
        *_drift(first, second),
        *_features(first.features, second.features),
        *_push(first.push, second.push),
        *_text("code version", first.code_version, second.code_version, is_large=True),
        *_execution(first, second),
    ]
    return sorted(found, key=lambda difference: not difference.is_large)


def _outcome(first: RunReceipt, second: RunReceipt) -> Iterator[Difference]:
    yield from _text("pipeline", first.pipeline, second.pipeline, is_large=True)
    yield from _text("outcome", first.outcome, second.outcome, is_large=True)
    failures = (first.failure, second.failure)
    yield from _text("failed state", *(failure.state if failure else None for failure in failures), is_large=True)
    yield from _text("error", *(failure.error if failure else None for failure in failures), is_large=True)
    yield from _text("cause", *(failure.cause if failure else None for failure in failures))
    yield from _text("ttl extension", first.ttl_extension, second.ttl_extension, is_large=True)


def _audit(first: PushReceipt | None, second: PushReceipt | None) -> Iterator[Difference]:
    if first is None or second is None:
        return
    then, now = ({rule.rule: rule for rule in push.audit} for push in (first, second))
    for name in {**then, **now}:
        before, after = then.get(name), now.get(name)
        is_large = bool(before and before.is_broken()) != bool(after and after.is_broken())
        shown = [rule.describe().removeprefix(f"{name}: ") if rule else None for rule in (before, after)]
        yield from _text(f"audit, {name}", *shown, is_large=is_large)
    yield from _text("served anyway", first.serve_anyway, second.serve_anyway, is_large=True)


def _stages(first: Mapping[str, int] | None, second: Mapping[str, int] | None) -> Iterator[Difference]:
    if first is None or second is None:
        return
    shift = measure_shift([first[stage] for stage in Stage], [second[stage] for stage in Stage])
    for stage in Stage:
        shares = [f"{counts[stage] / sum(counts.values()):.1%}" for counts in (first, second)]
        yield from _text(f"share of {stage}", *shares, is_large=shift.level is not DriftLevel.STABLE)


def _flip_rate(first: float | None, second: float | None) -> Iterator[Difference]:
    is_large = first is not None and second is not None and abs(second - first) > USUAL_FLIP_RATE_CHANGE
    shown = [None if rate is None else f"{rate:.1%}" for rate in (first, second)]
    yield from _text("flip rate", *shown, is_large=is_large)


def _models(first: RunReceipt, second: RunReceipt) -> Iterator[Difference]:
    yield from _text("model", model_version(first), model_version(second), is_large=True)
    challengers = [
        f"{card.model_version}, {card.verdict.decision.value}" if card else None
        for card in (first.challenger_card, second.challenger_card)
    ]
    yield from _text("new model that did not score", *challengers, is_large=True)


def _drift(first: RunReceipt, second: RunReceipt) -> Iterator[Difference]:
    then, now = first.drift, second.drift
    words = {True: "drifted", False: "not drifted"}
    shown = [words[drift.is_drifted] if drift else None for drift in (then, now)]
    yield from _text("drift", *shown, is_large=True)
    if then and now:
        yield from _text("PSI of the predicted stages", f"{then.stage_mix.psi:.3f}", f"{now.stage_mix.psi:.3f}")
        for level in (DriftLevel.SIGNIFICANT, DriftLevel.MODERATE):
            shifted = [set(drift.features_at(level)) for drift in (then, now)]
            added, removed = shifted[1] - shifted[0], shifted[0] - shifted[1]
            what = f"features with a {level.value} shift"
            yield from _text(what, _names(removed) if removed or added else None, _names(added) if added else None)


def _features(first: FeatureManifest | None, second: FeatureManifest | None) -> Iterator[Difference]:
    if first is None or second is None:
        yield from _text("features", *("written" if each else None for each in (first, second)), is_large=True)
        return
    for window in Window:
        counts = [each.window_row_counts[window.value] for each in (first, second)]
        yield from _count(f"rows in the data lake, {window.value}", *counts)
    warned = [
        ", ".join(f"{warning.rule} of {warning.table} {warning.column}".rstrip() for warning in each.input_warnings)
        for each in (first, second)
    ]
    yield from _text("input warnings", *warned, is_large=True)
    yield from _text("accepted input", first.accepted_input, second.accepted_input, is_large=True)
    yield from _count("suppressed members", first.suppressed_members, second.suppressed_members, is_large=False)
    yield from _text("columns of the features", first.column_checksum, second.column_checksum, is_large=True)
    yield from _text("values of the features", first.rows_checksum, second.rows_checksum)


def _push(first: PushReceipt | None, second: PushReceipt | None) -> Iterator[Difference]:
    if first is None or second is None:
        yield from _text("push", *(each.kind if each else None for each in (first, second)), is_large=True)
        return
    yield from _text("push", first.kind, second.kind, is_large=True)
    for name in PUSH_COUNTS:
        counts = [getattr(push, name) for push in (first, second)]
        # How many items a push writes says little about the day; what it loses does.
        yield from _count(name.replace("_", " "), *counts, is_large=None if name in LOSSES else False)


def _execution(first: RunReceipt, second: RunReceipt) -> Iterator[Difference]:
    yield from _seconds("duration", duration(first), duration(second))
    then, now = ({state.name: state.seconds for state in receipt.states} for receipt in (first, second))
    for name in {**then, **now}:
        yield from _seconds(f"duration of {name}", then.get(name), now.get(name))
    kinds = [
        [f"{job.kind} {'reused' if job.is_reused else 'started'}" for job in receipt.jobs]
        for receipt in (first, second)
    ]
    yield from _text("jobs", *(", ".join(each) for each in kinds))
    inputs = [json.dumps(receipt.input, sort_keys=True) for receipt in (first, second)]
    yield from _text("input of the execution", *inputs)
    yield from _text("snapshot", f"{first.snapshot_date}", f"{second.snapshot_date}")


def _text(what: str, before: str | None, after: str | None, *, is_large: bool = False) -> Iterator[Difference]:
    if (before or NOTHING) != (after or NOTHING):
        yield Difference(what, before or NOTHING, after or NOTHING, is_large)


def _count(what: str, before: int | None, after: int | None, *, is_large: bool | None = None) -> Iterator[Difference]:
    """Yield a difference of numbers of rows; `is_large` None decides by their change."""
    if before is None or after is None:
        shown = [None if count is None else f"{count:,}" for count in (before, after)]
        yield from _text(what, *shown, is_large=True)
    elif before != after:
        change = after / before - 1 if before else float("inf")
        if is_large is None:
            is_large = not USUAL_CHANGE[0] <= change <= USUAL_CHANGE[1]
        yield Difference(what, f"{before:,}", f"{after:,} ({change:+.1%})" if before else f"{after:,}", is_large)


def _seconds(what: str, before: float | None, after: float | None) -> Iterator[Difference]:
    shorter, longer = sorted([before or 0.0, after or 0.0])
    if longer - shorter >= USUAL_SECONDS and longer >= shorter * USUAL_RATIO:
        yield from _text(what, *(None if each is None else duration_name(each) for each in (before, after)))


def _names(features: set[str]) -> str:
    return ", ".join(sorted(features)) or NOTHING
