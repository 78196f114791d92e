"""The page that lists the receipts of the last days."""

from collections import Counter
from collections.abc import Sequence

from buyer_stage.domain.serving_documents import PushKind
from buyer_stage.receipts.document import Pipeline, RunReceipt
from buyer_stage.receipts.facts import flip_rate, model_version, order, served_days, stage_counts
from buyer_stage.receipts.rendering import templates

DAYS = 30
"""Days whose stages the index shows."""


def render_index(recent: Sequence[RunReceipt]) -> str:
    """Return the index of receipts.

    Args:
        recent: the receipts to list, in any order: those of the last 30 days of both pipelines.
    """
    newest_first = sorted(recent, key=order, reverse=True)
    runs = [receipt for receipt in newest_first if receipt.pipeline is Pipeline.ML]
    scoring = [run for run in runs if run.push is not None and run.push.kind is PushKind.SCORES]
    last = max((run.snapshot_date for run in scoring), default=None)
    served = served_days(scoring, last, DAYS) if last else {}
    return (
        templates()
        .get_template("index.html")
        .render(
            runs=runs,
            etl_runs=[receipt for receipt in newest_first if receipt.pipeline is Pipeline.ETL],
            days={day: each and stage_counts(each) for day, each in served.items()},
            flips={day: each and flip_rate(each) for day, each in served.items()},
            outcomes=Counter(run.outcome for run in runs),
            new_models=_first_with_each_model(runs),
        )
    )


def _first_with_each_model(newest_first: Sequence[RunReceipt]) -> set[str]:
    """Return the executions that scored with another model than the execution before."""
    changes: set[str] = set()
    previous: str | None = None
    for run in reversed(newest_first):
        version = model_version(run)
        if version is None:
            continue
        if previous not in (None, version):
            changes.add(run.execution_arn)
        previous = version
    return changes
