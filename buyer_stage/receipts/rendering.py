"""The environment in which the templates of pages are rendered."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from buyer_stage.domain.s3_layout import model_card_text_key, run_receipt_key
from buyer_stage.domain.shift import DriftLevel
from buyer_stage.domain.stages import Stage
from buyer_stage.domain.windows import Window
from buyer_stage.receipts import facts, plots
from buyer_stage.receipts.document import Outcome, Pipeline
from buyer_stage.receipts.facts import Level

SIGNS = {Level.GOOD: "✓", Level.WARNING: "!", Level.BAD: "✗"}
"""Level -> sign in front of a verdict, for people who do not see its color."""


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
    environment.globals |= {
        "facts": facts,
        "plots": plots,
        "model_card_text_key": model_card_text_key,
        "run_receipt_key": run_receipt_key,
        "DriftLevel": DriftLevel,
        "Outcome": Outcome,
        "Pipeline": Pipeline,
        "signs": SIGNS,
        "stages": list(Stage),
        "windows": list(Window),
    }
    return environment
