"""The model card: what a model was made from, how good it is and what its limits are, for programs and people."""

from dataclasses import dataclass
from datetime import datetime

from buyer_stage.domain.documents import LabeledSetManifest
from buyer_stage.quality.bootstrap import Estimate
from buyer_stage.quality.evaluation import Comparison, Evaluation
from buyer_stage.quality.gate import Verdict

LIMITS = (
    "The model was judged by members who answered a survey. Other members can behave differently.",
    "The model knows behavior from the snapshot dates above. Habits and the market change.",
    "Use the probabilities, not only the stage: neighboring stages are hard to tell apart.",
    "The model estimates how close a member is to a purchase, not whether to offer the member anything.",
)


@dataclass(frozen=True)
class ModelCard:
    """Everything that a person needs to approve a model, and a program needs to trace its origin.

    Attributes:
        model_version: name of the SageMaker model, which the table shows with each stage.
        candidate_name: the candidate that Autopilot ranked best.
        created_at: when the Autopilot job ended.
        code_version: version of the code that trained and judged the model.
        labeled_set: manifest of the labeled set that the model was made from.
        class_shares: stage -> share of the training rows.
        autopilot_metrics: Autopilot's own metrics, for reference only; no decision uses them.
        evaluation: evaluation on the holdout, with baselines.
        against_prior: comparison with the class shares.
        champion_version: the model in use when this one was judged; None when there was none.
        against_champion: comparison with the champion; None when there was none.
        verdict: the gate's decision and its reason.
        limits: what the model is not suited for.
    """

    model_version: str
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
    """Return the card as Markdown."""
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
        f"| candidate | `{card.candidate_name}` |",
        f"| created | {card.created_at.isoformat()} |",
        f"| code | `{card.code_version}` |",
        f"| snapshots | {days[0]} to {days[-1]}, {len(days)} days |",
        f"| split by member | {splits} |",
        f"| shares in training | {', '.join(f'{stage} {share:.3f}' for stage, share in card.class_shares.items())} |",
        "",
        f"## On {evaluation.rows:,} rows of {evaluation.members:,} unseen members",
        "",
        f"Intervals contain {evaluation.confidence_level:.0%} of {evaluation.resamples:,} draws of whole members.",
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
            f"## Compared with the champion {card.champion_version}",
            "",
            "| metric | challenger minus champion |",
            "|---|---|",
            *(f"| {name} | {_with_interval(value)} |" for name, value in card.against_champion.differences.items()),
            "",
        ]
    lines += ["## Limits", "", *(f"- {limit}" for limit in card.limits), ""]
    return "\n".join(lines)


def _with_interval(estimate: Estimate) -> str:
    return f"{estimate.value:.4f} ({estimate.low:.4f} to {estimate.high:.4f})"
