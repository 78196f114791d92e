"""Gather the figures of a run from its output folder, and check that they add up."""

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from buyer_stage.domain import s3_layout
from buyer_stage.domain.audit import RuleResult
from buyer_stage.domain.labeled_set import SPLIT_SHARES
from buyer_stage.domain.stages import Stage
from buyer_stage.quality.bootstrap import CONFIDENCE_LEVEL
from localcloud.demo.product_team import ProductTeam
from localcloud.deployment import Deployment
from tools.execution import Execution

PUSH_COUNTS = ("read", "written", "unchanged", "carried")

SHOWN_ITEMS = 3
"""How many items of the table to show."""


@dataclass
class Summary:
    """The figures of a run.

    Attributes:
        snapshot_date: the scored snapshot, ISO 8601.
        rows: what is counted -> its number of rows, in the order of the pipeline.
        window_rows: window -> rows in the data lake.
        labeled_set: the manifest of the labeled set.
        members_per_stage: stage -> items in the table.
        model_card: the model card, with the evaluation on the holdout.
        drift: the drift report of the snapshot.
        pushes: receipts of the pushes, one per day.
        items: a few items of the table.
        seconds_per_state: pipeline -> state -> seconds.
        problems: figures that do not add up; empty after a good run.
        product_team: what a product team got; None for one day.
        seconds: duration of the demo.
    """

    snapshot_date: str
    rows: dict[str, int]
    window_rows: dict[str, int]
    labeled_set: dict[str, Any]
    members_per_stage: dict[str, int]
    model_card: dict[str, Any]
    drift: dict[str, Any]
    pushes: list[dict[str, Any]]
    items: list[dict[str, Any]]
    seconds_per_state: dict[str, dict[str, float]]
    problems: list[str] = field(default_factory=list)
    product_team: ProductTeam | None = None
    seconds: float = 0.0

    def as_document(self) -> dict[str, Any]:
        """Return the summary as plain data."""
        return asdict(self)


def summarize(
    out: Path, deployment: Deployment, days: dict[date, dict[str, Execution]], distinct_members: int
) -> Summary:
    """Gather the figures of a run.

    Args:
        out: the output folder, with the export of the run.
        deployment: the deployment that ran.
        days: snapshot, in order -> `etl` and `ml` -> the execution. All of them succeeded.
        distinct_members: members in the last snapshot, counted without the pipeline.
    """
    bucket = out / "s3" / deployment.pipeline_bucket

    def document(key: str) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads((bucket / key).read_text())
        return loaded

    pushes = [
        document(s3_layout.push_receipt_key(day, executions["ml"].output["upload"]["run_name"]))
        for day, executions in days.items()
    ]
    snapshot_date, executions = list(days.items())[-1]
    ml, receipt = executions["ml"].output, pushes[-1]
    features = document(s3_layout.feature_manifest_key(snapshot_date))
    results = bucket / s3_layout.inference_results_prefix(snapshot_date, ml["transform"]["transform_job_name"])
    items = [json.loads(line) for line in (out / "table.jsonl").read_text().splitlines()]
    rows = {
        "members in the data lake": distinct_members,
        "feature rows": features["row_count"],
        "validated rows": document(s3_layout.feature_validation_key(snapshot_date))["row_count"],
        "scored lines": sum(len(file.read_text().splitlines()) for file in results.glob("*.out")),
        "scored lines read by the push": receipt["read"],
        "items written or unchanged": receipt["written"] + receipt["unchanged"],
        "items in the table": len(items) - receipt["carried"],
    }
    problems = [
        f"{name}: {count:,} instead of {distinct_members:,}"
        for name, count in rows.items()
        if count != distinct_members
    ]
    problems += [f"scored lines {name}: {receipt[name]:,}" for name in ("quarantined", "failed") if receipt[name]]
    stages = Counter(item["value"] for item in items)
    return Summary(
        snapshot_date=snapshot_date.isoformat(),
        rows=rows,
        window_rows=features["window_row_counts"],
        labeled_set=document(s3_layout.LABELED_SET_MANIFEST_KEY),
        members_per_stage={stage.value: stages[stage.value] for stage in Stage},
        model_card=document(s3_layout.model_card_key(ml["model"]["model_version"])),
        drift=document(ml["drift"]["report"]),
        pushes=pushes,
        items=items[:SHOWN_ITEMS],
        seconds_per_state={name: execution.seconds_per_state() for name, execution in executions.items()},
        problems=problems,
    )


def print_summary(summary: Summary, out: Path, console: Console) -> None:
    """Print the figures of a run."""

    def table(title: str, rows: dict[str, Any], *columns: str) -> None:
        grid = Table(title=f"[bold]{title}[/bold]", title_justify="left", show_header=bool(columns), box=None)
        grid.add_column(min_width=40)
        for column in columns or ("",):
            grid.add_column(column, justify="right")
        for name, value in rows.items():
            cells = value if isinstance(value, tuple) else (f"{value:,}" if isinstance(value, int) else str(value),)
            grid.add_row(name, *cells)
        console.print(grid, "")

    console.rule(f"Snapshot {summary.snapshot_date}")
    table("Rows in the data lake, per window", summary.window_rows)
    table("Rows after each step", summary.rows)
    splits = summary.labeled_set["splits"]
    table("Rows of the labeled set, per split", {split: splits[split]["rows"] for split in SPLIT_SHARES})
    members = sum(summary.members_per_stage.values())
    table(
        "Members per served stage",
        {stage: (f"{count:,}", f"{count / members:.0%}") for stage, count in summary.members_per_stage.items()},
        "members",
        "share",
    )
    evaluation = summary.model_card["evaluation"]
    prior = evaluation["baselines"]["prior"]
    table(
        f"Model on {evaluation['rows']:,} rows of unseen members",
        {
            name.replace("_", " "): (
                f"{metric['value']:.3f}",
                f"{metric['low']:.3f} to {metric['high']:.3f}",
                f"{prior[name]['value']:.3f}",
            )
            for name, metric in evaluation["metrics"].items()
        },
        "model",
        f"{CONFIDENCE_LEVEL:.0%} interval",
        "prior alone",
    )
    verdict = summary.model_card["verdict"]
    console.print(f"[bold]Verdict: {verdict['decision']}[/bold], {verdict['reason']}\n", highlight=False)
    table("Drift since training", _drift_rows(summary.drift))
    table(
        "Pushes",
        {
            f"snapshot {push['snapshot_date']}": tuple(f"{push[name]:,}" for name in PUSH_COUNTS)
            for push in summary.pushes
        },
        *PUSH_COUNTS,
    )
    audit = [RuleResult(**result) for result in summary.pushes[-1]["audit"]]
    table("Audit", dict(result.describe().split(": ", 1) for result in audit))
    table(
        "Items of the table",
        {item["member_id"]: (item["value"], f"{item['confidence']:.2f}") for item in summary.items},
        "stage",
        "confidence",
    )
    for pipeline, seconds in summary.seconds_per_state.items():
        table(
            f"Seconds per state, {pipeline.upper()}",
            {name: f"{value:.1f}" for name, value in seconds.items() if value >= 0.1},
        )
    for problem in summary.problems:
        console.print(f"[red]Does not add up: {problem}[/red]")
    console.print(
        f"Finished in {summary.seconds:.0f} s. Results, histories and logs: {out}", highlight=False, soft_wrap=True
    )


def _drift_rows(drift: dict[str, Any]) -> dict[str, Any]:
    shifts = [shift for by_window in drift["features"].values() for shift in by_window.values()]
    flip_rate, changes = drift["flip_rate"], drift["changes"]
    return {
        "PSI of the stage mix": f"{drift['stage_mix']['psi']:.3f} ({drift['stage_mix']['level']})",
        "largest PSI of a feature in a window": f"{max(shift['psi'] for shift in shifts):.3f}",
        f"drifted, of {len(shifts)} pairs of feature and window": sum(
            shift["level"] == "significant" for shift in shifts
        ),
        "flip rate": "no earlier snapshot"
        if flip_rate is None
        else f"{flip_rate:.1%} since {changes['previous_snapshot_date']}",
    }
