"""The gate: a new model scores members only when it is clearly better than the model in use, or than no model."""

from dataclasses import dataclass
from enum import Enum

from buyer_stage.quality.evaluation import HIGHER_IS_BETTER, Comparison, Evaluation

GATE_METRICS = ("macro_f1", "log_loss")
"""The objective of Autopilot's search, and the metric that shows whether the probabilities can be trusted."""


class Decision(Enum):
    """Approval status of a model in SageMaker's model registry."""

    APPROVED = "Approved"
    PENDING = "PendingManualApproval"
    REJECTED = "Rejected"


@dataclass(frozen=True)
class Verdict:
    """A decision and its reason in one sentence."""

    decision: Decision
    reason: str


def judge(evaluation: Evaluation, against_prior: Comparison, against_champion: Comparison | None) -> Verdict:
    """Judge a challenger by members that were used neither to train nor to choose it.

    Reject a model that is worse than the class shares of the training rows. Approve a model that is better than the
    champion (or than the class shares, when there is no champion) beyond the interval. Leave all others to a person.

    Args:
        evaluation: evaluation of the challenger on the holdout.
        against_prior: the challenger compared with the class shares of the training rows, on the same rows.
        against_champion: the challenger compared with the champion, on the same rows; None when there is no champion.
    """
    model, prior = evaluation.metrics["log_loss"], evaluation.baselines["prior"]["log_loss"]
    if model.value > prior.value:
        return Verdict(
            Decision.REJECTED,
            f"worse than no model: its log-loss on {evaluation.members} unseen members is {model.value:.4f}, "
            f"and the class shares alone reach {prior.value:.4f}",
        )
    if against_champion is None:
        return _judge_first(evaluation, against_prior)
    better = [metric for metric in GATE_METRICS if against_champion.challenger_is_better(metric)]
    worse = [metric for metric in GATE_METRICS if _is_worse(against_champion, metric)]
    differences = _differences(against_champion)
    if better and not worse:
        return Verdict(Decision.APPROVED, f"better than the champion beyond the interval: {differences}")
    return Verdict(Decision.PENDING, f"not clearly better than the champion: {differences}")


def _judge_first(evaluation: Evaluation, against_prior: Comparison) -> Verdict:
    macro_f1 = evaluation.metrics["macro_f1"]
    # Guessing by the shares has a precision, a recall and thus an F1 of each stage equal to its share. The mean over
    # the stages is 1 over their number.
    chance = 1 / len(evaluation.stages)
    figures = (
        f"{_differences(against_prior)} against the class shares; "
        f"macro_f1 {macro_f1.value:.4f} ({macro_f1.low:.4f} to {macro_f1.high:.4f}), by chance {chance:.4f}"
    )
    if against_prior.challenger_is_better("log_loss") and macro_f1.low > chance:
        return Verdict(Decision.APPROVED, f"better than no model beyond the interval: {figures}")
    return Verdict(Decision.PENDING, f"not clearly better than no model: {figures}")


def _is_worse(comparison: Comparison, metric: str) -> bool:
    difference = comparison.differences[metric]
    return difference.high < 0 if HIGHER_IS_BETTER[metric] else difference.low > 0


def _differences(comparison: Comparison) -> str:
    return ", ".join(
        f"{metric} {difference.value:+.4f} ({difference.low:+.4f} to {difference.high:+.4f})"
        for metric in GATE_METRICS
        if (difference := comparison.differences[metric])
    )
