"""What a model is, what it was made from, how good it is and what it is not good for; for programs and for people."""

from dataclasses import dataclass
from datetime import datetime

from buyer_stage.domain.documents import LabeledSetManifest
from buyer_stage.quality.evaluation import Comparison, Estimate, Evaluation
from buyer_stage.quality.gate import Verdict

LIMITS = (
    "It was judged on members who answered a survey; others may behave otherwise.",
    "It knows members as they were on the snapshot days named above; habits and the market change.",
    "Probabilities are worth more than the stage alone: neighboring stages are hard to tell apart.",
    "It says how close a member seems to a purchase, not whether somebody should be offered one.",
)


@dataclass(frozen=True)
class ModelCard:
    """Everything that a person needs to approve a model, or a program to find out where it came from.

    Attributes:
        model_version: what the serving table shows beside each stage.
        model_name: name of the SageMaker model.
        candidate_name: the candidate that Autopilot ranked best.
        created_at: when the Autopilot job ended.
        code_version: folder of the code that trained and judged it.
        labeled_set: what it was made from.
        class_shares: stage -> share of the training rows.
        autopilot_metrics: what Autopilot says of it; kept for reference, no decision uses it.
        evaluation: on the holdout, with baselines.
        against_prior: compared with the class shares.
        champion_version: the model in use when this one was judged; None when there was none.
        against_champion: compared with that one.
        verdict: what was decided, and why.
        limits: what it is not good for.
    """

    model_version: str
    model_name: str
    candidate_name: str
    created_at: datetime
    code_version: str
    labeled_set: LabeledSetManifest
    class_shares: dict[str, float]
    autopilot_metrics: dict[str, float]
    evaluation: Evaluation
    against_prior: Comparison
    champion_version: str | None
    against_champion: Comparison | None
    verdict: Verdict
    limits: tuple[str, ...] = LIMITS


def to_markdown(card: ModelCard) -> str:
    """Write the card for people."""
    evaluation, labeled_set = card.evaluation, card.labeled_set
    splits = ", ".join(
        f"{split} {counts.rows:,} rows of {counts.members:,} members" for split, counts in labeled_set.splits.items()
    )
    days = [day.isoformat() for day in labeled_set.snapshot_dates]
    lines = [
        f"# Model {card.model_version}",
        "",
        f"**{card.verdict.decision.value}**: {card.verdict.reason}.",
        "",
        "| | |",
        "|---|---|",
        f"| SageMaker model | `{card.model_name}` |",
        f"| candidate | `{card.candidate_name}` |",
        f"| made | {card.created_at.isoformat()} |",
        f"| code | `{card.code_version}` |",
        f"| snapshots | {days[0]} to {days[-1]}, {len(days)} days |",
        f"| split by member | {splits} |",
        f"| shares in training | {', '.join(f'{stage} {share:.3f}' for stage, share in card.class_shares.items())} |",
        "",
        f"## On {evaluation.rows:,} rows of {evaluation.members:,} members that it never saw",
        "",
        f"Intervals hold {evaluation.confidence_level:.0%} of {evaluation.resamples:,} draws of whole members.",
        "",
        "| metric | model | class shares | most frequent | by chance |",
        "|---|---|---|---|---|",
        *(
            f"| {metric} | {_with_interval(estimate)} "
            + "".join(
                f"| {evaluation.baselines[name][metric].value:.4f} "
                for name in ("prior", "majority", "stratified_random")
            )
            + "|"
            for metric, estimate in evaluation.metrics.items()
        ),
        "",
        "| stage | rows | precision | recall | F1 |",
        "|---|---|---|---|---|",
        *(
            f"| {stage} | {quality.rows} | {_with_interval(quality.precision)} | {_with_interval(quality.recall)} "
            f"| {_with_interval(quality.f1)} |"
            for stage, quality in evaluation.stages.items()
        ),
        "",
    ]
    if card.against_champion is not None:
        lines += [
            f"## Against the champion {card.champion_version}",
            "",
            "| metric | challenger less champion |",
            "|---|---|",
            *(f"| {name} | {_with_interval(value)} |" for name, value in card.against_champion.differences.items()),
            "",
        ]
    lines += ["## Limits", "", *(f"- {limit}" for limit in card.limits), ""]
    return "\n".join(lines)


def _with_interval(estimate: Estimate) -> str:
    return f"{estimate.value:.4f} ({estimate.low:.4f} to {estimate.high:.4f})"
