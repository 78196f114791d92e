"""The figures of a run, from what it left behind, and whether they add up."""

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from buyer_stage.domain import s3_layout
from buyer_stage.domain.stages import Stage
from localcloud.deployment import Deployment
from tools.execution import Execution

LOOKUPS = 3
"""Table items shown as examples."""


@dataclass
class Summary:
    """Every figure of a run.

    Attributes:
        snapshot_date: the scored day, ISO 8601.
        rows: stage of the pipeline -> rows that came out of it.
        window_rows: window -> rows of the data lake.
        labeled_set: the labeled set's manifest.
        members_per_stage: stage -> items of the table.
        model_card: what the model is, and how good on members that neither training nor its choice saw.
        drift: how the snapshot differs from what the model was made from, and its stages from those before.
        lookups: a few items of the table.
        seconds_per_state: pipeline -> state -> seconds.
        problems: what does not add up; empty for a good run.
        seconds: of the whole demo.
    """

    snapshot_date: str
    rows: dict[str, int]
    window_rows: dict[str, int]
    labeled_set: dict[str, Any]
    members_per_stage: dict[str, int]
    model_card: dict[str, Any]
    drift: dict[str, Any]
    lookups: list[dict[str, Any]]
    seconds_per_state: dict[str, dict[str, float]]
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def as_document(self) -> dict[str, Any]:
        """The summary as plain data."""
        return asdict(self)


def summarize(
    out: Path, deployment: Deployment, records: dict[str, Execution], snapshot_date: date, distinct_members: int
) -> Summary:
    """Gather a run's figures from its exported artefacts.

    Args:
        out: the run's folder, exported by `localcloud.demo.export`.
        deployment: what was deployed.
        records: `etl` and `ml` -> the executions, both succeeded.
        snapshot_date: the scored day.
        distinct_members: members of the data lake's snapshot, counted independently of the pipeline.
    """
    bucket = out / "s3" / deployment.pipeline_bucket

    def document(key: str) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads((bucket / key).read_text())
        return loaded

    ml = records["ml"].output
    features = document(s3_layout.feature_manifest_key(snapshot_date))
    receipt = document(s3_layout.push_receipt_key(snapshot_date, ml["upload"]["run_name"]))
    results = bucket / s3_layout.inference_results_prefix(snapshot_date, ml["transform"]["transform_job_name"])
    items = [json.loads(line) for line in (out / "table.jsonl").read_text().splitlines()]
    rows = {
        "distinct members in the data lake": distinct_members,
        "feature rows": features["row_count"],
        "validated rows": document(s3_layout.feature_validation_key(snapshot_date))["row_count"],
        "scored rows": sum(len(file.read_text().splitlines()) for file in results.glob("*.out")),
        "records read": receipt["read"],
        "items written": receipt["written"],
        "items in the table": len(items),
    }
    problems = [
        f"{name}: {count:,}, not {distinct_members:,}" for name, count in rows.items() if count != distinct_members
    ]
    problems += [f"{receipt[name]} records {name}" for name in ("quarantined", "failed") if receipt[name]]
    stages = Counter(item["value"] for item in items)
    return Summary(
        snapshot_date=snapshot_date.isoformat(),
        rows=rows,
        window_rows=features["window_row_counts"],
        labeled_set=document(s3_layout.LABELED_SET_MANIFEST_KEY),
        members_per_stage={stage.value: stages[stage.value] for stage in Stage},
        model_card=document(s3_layout.model_card_key(ml["model"]["model_version"])),
        drift=document(ml["drift"]["report"]),
        lookups=items[:LOOKUPS],
        seconds_per_state={name: record.seconds_per_state() for name, record in records.items()},
        problems=problems,
    )


def print_summary(summary: Summary, out: Path, console: Console) -> None:
    """Show a run's figures."""

    def table(title: str, rows: dict[str, Any]) -> None:
        grid = Table(title=title, title_justify="left", show_header=False, box=None, pad_edge=False)
        grid.add_column(min_width=40)
        grid.add_column(justify="right")
        for name, value in rows.items():
            grid.add_row(name, f"{value:,}" if isinstance(value, int) else str(value))
        console.print(grid, "")

    console.rule(f"snapshot {summary.snapshot_date}")
    table("Rows of the data lake per window", summary.window_rows)
    table("Rows out of every stage", summary.rows)
    table("Labeled set, rows", {name: split["rows"] for name, split in summary.labeled_set["splits"].items()})
    table("Members per stage", summary.members_per_stage)
    evaluation = summary.model_card["evaluation"]
    prior = evaluation["baselines"]["prior"]
    table(
        f"Model {summary.model_card['candidate_name']} on {evaluation['rows']:,} rows of unseen members",
        {
            name: f"{value['value']:.3f} ({value['low']:.3f} to {value['high']:.3f})  "
            f"class shares alone: {prior[name]['value']:.3f}"
            for name, value in evaluation["metrics"].items()
        },
    )
    verdict = summary.model_card["verdict"]
    console.print(f"[bold]{verdict['decision']}[/bold]: {verdict['reason']}\n", highlight=False)
    table("Drift since training", _drift_rows(summary.drift))
    table("Lookups", {i["member_id"]: f"{i['value']} ({i['confidence']:.2f})" for i in summary.lookups})
    for pipeline, seconds in summary.seconds_per_state.items():
        table(
            f"Seconds per state, {pipeline}", {name: f"{value:.1f}" for name, value in seconds.items() if value >= 0.1}
        )
    for problem in summary.problems:
        console.print(f"[red]does not add up: {problem}[/red]")
    console.print(
        f"{summary.seconds:.0f} s in all; artefacts, histories and logs: {out}", highlight=False, soft_wrap=True
    )


def _drift_rows(drift: dict[str, Any]) -> dict[str, Any]:
    shifts = [shift for by_window in drift["features"].values() for shift in by_window.values()]
    flip_rate, changes = drift["flip_rate"], drift["changes"]
    return {
        "stage mix, PSI": f"{drift['stage_mix']['psi']:.3f} ({drift['stage_mix']['level']})",
        "largest PSI of a feature and window": f"{max(shift['psi'] for shift in shifts):.3f}",
        f"of {len(shifts)} features and windows drifted": sum(shift["level"] == "significant" for shift in shifts),
        "members whose stage changed": "no snapshot before to compare with"
        if flip_rate is None
        else f"{flip_rate:.1%} since {changes['previous_snapshot_date']}",
    }
