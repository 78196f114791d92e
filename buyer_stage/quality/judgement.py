"""Judges a challenger on the holdout and keeps what later days are compared with."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from buyer_stage.domain.documents import LabeledSetManifest
from buyer_stage.domain.feature_bins import profile_rows
from buyer_stage.domain.labeled_set import features_of, member_of
from buyer_stage.domain.leak_guard import require_disjoint_members
from buyer_stage.quality.drift import DriftBaseline
from buyer_stage.quality.evaluation import compare, evaluate
from buyer_stage.quality.gate import judge
from buyer_stage.quality.holdout import LABELS, class_shares, labels, predictions
from buyer_stage.quality.model_card import ModelCard
from buyer_stage.quality.predictions import Predictions, baseline_predictions

BOOTSTRAP_SEED = 7
"""Seed of the intervals. Fixed, so that the same predictions always get the same verdict."""


@dataclass(frozen=True)
class Challenger:
    """The model to judge.

    Attributes:
        model_version: name of the SageMaker model; what the serving table will show next to each stage.
        candidate_name: the candidate that Autopilot ranked best.
        created_at: when the Autopilot job ended, with time zone.
        code_version: folder of the code that trains and judges.
        autopilot_metrics: metric -> Autopilot's own value on the validation channel.
        scored_lines: the transform's output for the holdout, one line per row.
    """

    model_version: str
    candidate_name: str
    created_at: datetime
    code_version: str
    autopilot_metrics: Mapping[str, float]
    scored_lines: Sequence[str]


@dataclass(frozen=True)
class Champion:
    """The model in use.

    Attributes:
        model_version: what the serving table shows next to each stage.
        scored_lines: the transform's output for the holdout, one line per row.
    """

    model_version: str
    scored_lines: Sequence[str]


@dataclass(frozen=True)
class Judgement:
    """What to keep of a judged model: its card, verdict included, and its drift baseline."""

    card: ModelCard
    drift_baseline: DriftBaseline


def judge_challenger(
    challenger: Challenger,
    champion: Champion | None,
    split_files: Mapping[str, Sequence[str]],
    labeled_set: LabeledSetManifest,
) -> Judgement:
    """Judge a challenger by members that neither its training nor its choice used.

    Args:
        challenger: the model to judge.
        champion: the model in use; None if no model has been approved.
        split_files: split -> lines of its split file, with header. The holdout is the test split.
        labeled_set: the manifest of these splits.

    Raises:
        LabeledSetError: a member is in more than one split, or a split has no rows.
        ModelError: a model's scored lines are not one valid line per row of the holdout.
    """
    require_disjoint_members({split: [member_of(line) for line in lines[1:]] for split, lines in split_files.items()})
    shares, holdout = class_shares(labels(split_files["train"])), labels(split_files["test"])
    predicted = predictions(holdout, challenger.scored_lines)
    prior = baseline_predictions(predicted, shares, BOOTSTRAP_SEED)["prior"]
    evaluation = evaluate(predicted, shares, seed=BOOTSTRAP_SEED)
    against_prior = compare(predicted, prior, seed=BOOTSTRAP_SEED)
    against_champion = (
        None
        if champion is None
        else compare(predicted, predictions(holdout, champion.scored_lines), seed=BOOTSTRAP_SEED)
    )
    card = ModelCard(
        model_version=challenger.model_version,
        candidate_name=challenger.candidate_name,
        created_at=challenger.created_at,
        code_version=challenger.code_version,
        labeled_set=labeled_set,
        class_shares=dict(zip(LABELS, shares.tolist(), strict=True)),
        autopilot_metrics=dict(challenger.autopilot_metrics),
        evaluation=evaluation,
        against_prior=against_prior,
        champion_version=None if champion is None else champion.model_version,
        against_champion=against_champion,
        verdict=judge(evaluation, against_prior, against_champion),
    )
    return Judgement(card, _drift_baseline(split_files["train"], predicted))


def _drift_baseline(training_lines: Sequence[str], predicted: Predictions) -> DriftBaseline:
    """Count each member once, on the member's latest snapshot: a split file is sorted by member and snapshot."""
    latest = {member_of(line): line for line in training_lines[1:]}
    stages = Counter(dict(zip(predicted.members, predicted.predicted.tolist(), strict=True)).values())
    return DriftBaseline(
        features=profile_rows([features_of(line) for line in latest.values()]),
        stages={label: stages[index] for index, label in enumerate(LABELS)},
    )
