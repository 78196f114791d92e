"""Tells whether the members that a model scores still look like those that it was made from.

Shifts are measured by the population stability index (PSI): the sum over bins of (q - p) ln(q / p), where p and q are a
bin's shares then and now. Credit scoring, where it comes from, reads it as below 0.1 stable, above 0.25 another
population (Siddiqi, Credit Risk Scorecards, 2006).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum
from statistics import NormalDist

from buyer_stage.domain.documents import FeatureProfile, PushReceipt, StageChanges
from buyer_stage.domain.errors import InvalidManifestError, ScoredLinesLostError
from buyer_stage.domain.features import MODEL_FEATURES, window_feature_names
from buyer_stage.domain.stages import Stage
from buyer_stage.domain.windows import Window

MODERATE_PSI = 0.1
SIGNIFICANT_PSI = 0.25

CHANCE = 0.001
"""Of how many comparisons of one population with itself one may pass for a shift: 155 features are compared a day."""

PRIOR_ROWS_PER_BIN = 0.5
"""Added to each bin's count (Jeffreys' prior), so that one that is empty on one side makes the index not infinite."""


class DriftLevel(Enum):
    """What a shift means."""

    STABLE = "stable"
    MODERATE = "moderate"
    SIGNIFICANT = "significant"


@dataclass(frozen=True)
class Shift:
    """How far two distributions lie apart.

    Attributes:
        psi: the population stability index, 0 or more.
        by_chance: what so few rows of one population exceed in `CHANCE` of the cases; below it a shift means nothing.
        level: what to think of it.
    """

    psi: float
    by_chance: float
    level: DriftLevel


@dataclass(frozen=True)
class DriftBaseline:
    """What a model was made from, to compare the members with that it scores later.

    One row of each member counts: a day has one, and several days of one member say little more than one.

    Attributes:
        features: of the members whom it learned from.
        stages: stage -> members of the holdout, whom it never saw, of whom it named this stage. Not their answers: a
            model that names rare stages less or more often than they were answered has not drifted.
    """

    features: FeatureProfile
    stages: dict[str, int]


@dataclass(frozen=True)
class DriftReport:
    """How a snapshot's features and stages differ from those of the model's training, and its stages from those before.

    Attributes:
        snapshot_date: the day that was scored.
        model_version: the model that scored it.
        run_name: the push that served it.
        members: how many were served.
        features: feature without its window -> window -> shift since training.
        stage_mix: shift of the stages that the model names, since training.
        stages: stage -> members of whom the model named it.
        baseline_stages: the same, of the holdout.
        changes: how the stages differ from those served before.
        flip_rate: share of the members whose stage has changed; None when there is nothing to compare with.
        is_drifted: whether the stage mix or any feature has shifted significantly.
    """

    snapshot_date: date
    model_version: str
    run_name: str
    members: int
    features: dict[str, dict[str, Shift]]
    stage_mix: Shift
    stages: dict[str, int]
    baseline_stages: dict[str, int]
    changes: StageChanges
    flip_rate: float | None
    is_drifted: bool

    def features_at(self, level: DriftLevel) -> list[str]:
        """Give the features, with their window's suffix, whose shift is of a level; the largest first."""
        shifts = [
            (shift.psi, feature + window.suffix)
            for feature, by_window in self.features.items()
            for window in Window
            if (shift := by_window[window.value]).level is level
        ]
        return [feature for _, feature in sorted(shifts, reverse=True)]


def report_drift(
    baseline: DriftBaseline, profile: FeatureProfile, receipt: PushReceipt, *, model_version: str, run_name: str
) -> DriftReport:
    """Compare a snapshot with what its model was made from.

    Args:
        baseline: of the model.
        profile: of the snapshot's features.
        receipt: of the push of its stages.
        model_version: the model that scored it.
        run_name: of the push.

    Raises:
        InvalidManifestError: the two count other features, or in other bins; or the profile is not of what was scored.
        ScoredLinesLostError: nobody was served.
    """
    if profile.rows != receipt.read:
        raise InvalidManifestError(
            f"the features' profile counts {profile.rows} rows, {run_name} has read {receipt.read}: the features were "
            "made anew in between; score the snapshot again"
        )
    if not receipt.written:
        raise ScoredLinesLostError(f"{run_name} has served nobody: all {receipt.quarantined} records are in quarantine")
    then, now = baseline.features, profile
    if then.upper_bounds != now.upper_bounds or not (then.counts.keys() == now.counts.keys() == set(MODEL_FEATURES)):
        raise InvalidManifestError(
            f"the features' profile and the baseline of model {model_version} count other features or bins; run the "
            "ETL again, and when that does not mend it, train another model"
        )
    features: dict[str, dict[str, Shift]] = {}
    for window in Window:
        for name in window_feature_names(window):
            shift = measure_shift(then.counts[name], now.counts[name])
            features.setdefault(name.removesuffix(window.suffix), {})[window.value] = shift
    stage_mix = measure_shift(
        [baseline.stages[stage.value] for stage in Stage], [receipt.predicted_stages[stage.value] for stage in Stage]
    )
    shifts = [stage_mix, *(shift for by_window in features.values() for shift in by_window.values())]
    return DriftReport(
        snapshot_date=receipt.snapshot_date,
        model_version=model_version,
        run_name=run_name,
        members=receipt.written,
        features=features,
        stage_mix=stage_mix,
        stages=receipt.predicted_stages,
        baseline_stages=baseline.stages,
        changes=receipt.changes,
        flip_rate=receipt.changes.flip_rate(),
        is_drifted=any(shift.level is DriftLevel.SIGNIFICANT for shift in shifts),
    )


def measure_shift(baseline: Sequence[int], current: Sequence[int]) -> Shift:
    """Measure how far two distributions lie apart.

    Of one population, the index times the harmonic factor 1 / (1/n + 1/m) follows a chi-squared distribution of one
    degree of freedom less than there are bins (Yurdakul, Statistical Properties of Population Stability Index, 2018).
    So 50 rows reach an index of 0.4 without any shift, which `by_chance` tells apart. It holds of independent rows,
    hence of one row per member.

    Args:
        baseline: rows in each bin, then; one at least.
        current: rows in each bin, now; one at least.
    """
    bins = [(then, now) for then, now in zip(baseline, current, strict=True) if then or now]
    if len(bins) == 1:
        return Shift(0.0, 0.0, DriftLevel.STABLE)
    psi = sum(
        (now - then) * math.log(now / then)
        for then, now in zip(_shares([then for then, _ in bins]), _shares([now for _, now in bins]), strict=True)
    )
    by_chance = _chi_squared_quantile(1 - CHANCE, len(bins) - 1) * (1 / sum(baseline) + 1 / sum(current))
    if psi <= max(MODERATE_PSI, by_chance):
        level = DriftLevel.STABLE
    else:
        level = DriftLevel.SIGNIFICANT if psi > SIGNIFICANT_PSI else DriftLevel.MODERATE
    return Shift(round(psi, 6), round(by_chance, 6), level)


def _shares(counts: Sequence[int]) -> list[float]:
    rows = sum(counts) + PRIOR_ROWS_PER_BIN * len(counts)
    return [(count + PRIOR_ROWS_PER_BIN) / rows for count in counts]


def _chi_squared_quantile(probability: float, degrees_of_freedom: int) -> float:
    """By Wilson and Hilferty's cube (1931): within 3% for these tails."""
    spread = 2 / (9 * degrees_of_freedom)
    return degrees_of_freedom * (1 - spread + NormalDist().inv_cdf(probability) * math.sqrt(spread)) ** 3
