"""Print what a receipt says in the terminal: the facts of its page."""

from collections.abc import Iterable

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from buyer_stage.domain.shift import DriftLevel
from buyer_stage.domain.stages import Stage
from buyer_stage.domain.windows import Window
from buyer_stage.quality.drift import DriftReport
from buyer_stage.quality.model_card import ModelCard
from buyer_stage.receipts import facts
from buyer_stage.receipts.document import Pipeline, RunReceipt
from buyer_stage.receipts.facts import Level

COLORS = {Level.GOOD: "green", Level.WARNING: "yellow", Level.BAD: "red"}
UNKNOWN = "-"

SHORTEST_SECONDS = 0.1
"""States that took less are left out."""


def print_summary(receipt: RunReceipt, console: Console) -> None:
    """Print a receipt: what failed first, then what was counted, then where the time went."""
    console.rule(f"{receipt.pipeline.upper()}, snapshot {receipt.snapshot_date}")
    color = COLORS[facts.level(receipt)]
    console.print(f"[bold {color}]{escape(facts.verdict(receipt))}[/]\n", highlight=False, soft_wrap=True)
    if receipt.failure:
        failure = f"{receipt.failure.error} in {receipt.failure.state}: {receipt.failure.cause}"
        console.print(escape(failure), highlight=False, soft_wrap=True)
        section = facts.runbook_section(receipt)
        console.print(f"What to do: section '{section}' in {facts.RUNBOOK}\n", highlight=False, soft_wrap=True)
    _print_rows(receipt, console)
    if receipt.labeled_set:
        rows = [(split, f"{counts.rows:,}") for split, counts in facts.splits(receipt.labeled_set)]
        _print_table(console, "Rows of the labeled set, per split", rows)
    if counts := facts.stage_counts(receipt):
        total = sum(counts.values())
        stages = [(stage, f"{counts[stage]:,}", f"{counts[stage] / total:.0%}") for stage in Stage]
        held = receipt.push is not None and receipt.push.held
        title = "Members per stage that would have been served" if held else "Members per served stage"
        _print_table(console, title, stages, "members", "share")
    if receipt.model_card:
        _print_model(receipt.model_card, console)
    if receipt.drift:
        _print_table(console, "Drift since training", _drift_rows(receipt.drift, facts.flip_rate(receipt)))
    if receipt.push and receipt.push.audit:
        rules = [
            (rule.rule, UNKNOWN if rule.value is None else facts.number(rule.value), facts.limits(rule),
             "broken" if rule.is_broken() else "kept")
            for rule in receipt.push.audit
        ]  # fmt: skip
        _print_table(console, "Audit", rules, "value", "allowed", "")
    states = [(state.name, f"{state.seconds:.1f}") for state in receipt.states if state.seconds >= SHORTEST_SECONDS]
    _print_table(console, f"Seconds per state, {facts.duration(receipt):.0f} in total", states)


def _print_rows(receipt: RunReceipt, console: Console) -> None:
    windows = [(f"last {window.name}", _count(window.count)) for window in facts.window_rows(receipt)]
    _print_table(console, "Rows in the data lake, per window", windows)
    steps = [(step.name, _count(step.count)) for step in facts.handovers(receipt)]
    _print_table(console, "Rows at every handover", steps)
    if receipt.push and receipt.pipeline is Pipeline.ML:
        parts = [(part.name, _count(part.count)) for part in facts.push_parts(receipt)]
        _print_table(console, f"What became of the {receipt.push.read:,} lines read", parts)


def _print_model(card: ModelCard, console: Console) -> None:
    rows = [
        (name, f"{metric.value:.3f}", f"{metric.low:.3f} to {metric.high:.3f}", f"{without:.3f}")
        for name, metric, without in facts.metrics(card.evaluation)
    ]
    title = f"Model {card.model_version} on {card.evaluation.rows:,} rows of unseen members"
    interval = f"{card.evaluation.confidence_level:.0%} interval"
    _print_table(console, title, rows, "model", interval, "no model")
    verdict = f"[bold]Verdict: {card.verdict.decision.value}[/bold], {escape(card.verdict.reason)}\n"
    console.print(verdict, highlight=False, soft_wrap=True)


def _drift_rows(drift: DriftReport, flip_rate: float | None) -> list[tuple[str, str]]:
    shifts = [by_window[window.value] for by_window in drift.features.values() for window in Window]
    return [
        ("PSI of the stage mix", f"{drift.stage_mix.psi:.3f} ({drift.stage_mix.level.value})"),
        ("largest PSI of a feature in a window", f"{max(shift.psi for shift in shifts):.3f}"),
        (
            f"drifted, of {len(shifts)} pairs of feature and window",
            f"{len(drift.features_at(DriftLevel.SIGNIFICANT))}",
        ),
        ("flip rate", "no earlier snapshot" if flip_rate is None else f"{flip_rate:.1%}"),
    ]


def _count(count: int | None) -> str:
    return UNKNOWN if count is None else f"{count:,}"


def _print_table(console: Console, title: str, rows: Iterable[tuple[str, ...]], *columns: str) -> None:
    """Print rows of a name and values; nothing without rows."""
    rows = list(rows)
    if not rows:
        return
    table = Table(title=f"[bold]{title}[/bold]", title_justify="left", show_header=bool(columns), box=None)
    table.add_column(min_width=40)
    for column in columns or ("",):
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    console.print(table, "")
