"""The environment in which the templates of pages are rendered."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from buyer_stage.domain.console_links import execution_link
from buyer_stage.domain.s3_layout import model_card_text_key, run_receipt_key
from buyer_stage.domain.shift import DriftLevel
from buyer_stage.domain.stages import Stage
from buyer_stage.domain.windows import Window
from buyer_stage.receipts import facts, plots
from buyer_stage.receipts.document import Outcome, Pipeline
from buyer_stage.receipts.facts import Level

SIGNS = {Level.GOOD: "✓", Level.WARNING: "!", Level.BAD: "✗"}
"""Level -> sign in front of a verdict, for people who do not see its color."""

GLOBALS = (
    facts.confusion, facts.day_name, facts.duration, facts.duration_name, facts.environment, facts.flip_rate,
    facts.handovers, facts.level, facts.limits, facts.link_from_index, facts.link_to, facts.link_to_index,
    facts.members, facts.model_version, facts.push_parts, facts.runbook_section, facts.stage_counts,
    facts.transitions_total, facts.verdict, facts.why_missing, facts.window_rows,
    plots.audit_bar, plots.bar, plots.drift_strip, plots.reliability, plots.stage_class, plots.stage_mix,
    execution_link, model_card_text_key, run_receipt_key,
)  # fmt: skip
"""Functions that templates call."""


@cache
def templates() -> Environment:
    """Return the environment of the templates, which escapes what it inserts and refuses names that do not exist."""
    environment = Environment(
        loader=PackageLoader("buyer_stage.receipts"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {function.__name__: function for function in GLOBALS}
    environment.globals |= {
        "DriftLevel": DriftLevel,
        "Outcome": Outcome,
        "Pipeline": Pipeline,
        "RUNBOOK": facts.RUNBOOK,
        "signs": SIGNS,
        "stages": list(Stage),
        "windows": list(Window),
    }
    return environment
