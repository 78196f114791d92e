"""Check whether the members that a model scores still resemble the members that it was made from."""

from dataclasses import dataclass
from datetime import date

from buyer_stage.domain.documents import FeatureProfile
from buyer_stage.domain.errors import InvalidManifestError, ScoredLinesLostError
from buyer_stage.domain.features import MODEL_FEATURES, window_feature_names
from buyer_stage.domain.serving_documents import PushReceipt, StageChanges
from buyer_stage.domain.shift import DriftLevel, Shift, measure_shift
from buyer_stage.domain.stages import Stage
from buyer_stage.domain.windows import Window


@dataclass(frozen=True)
class DriftBaseline:
    """What a model was made from, to compare with the members that it scores later.

    One row of each member counts, because a snapshot has one, and several rows of a member add little information.

    Attributes:
        features: feature profile of the members in training.
        stages: predicted stage -> members of the holdout. Labels would not do: a model that predicts rare stages less
            or more often than they occur has not drifted.
    """

    features: FeatureProfile
    stages: dict[str, int]


@dataclass(frozen=True)
class DriftReport:
    """How a snapshot differs from the model's training data, and its served stages from the stages served before.

    Attributes:
        snapshot_date: the snapshot that was scored.
        model_version: the model that scored it.
        run_name: the push that served it.
        members: number of members served.
        features: feature without its window -> window -> shift since training.
        stage_mix: shift of the predicted stages since training.
        stages: predicted stage -> members of the snapshot.
        baseline_stages: predicted stage -> members of the holdout.
        changes: how the served stages differ from the stages served before.
        flip_rate: share of the members whose served stage has changed; None when there is nothing to compare with.
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
        """Return the features, with window suffix, whose shift has a level; the largest shift first."""
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
    """Compare a snapshot with the drift baseline of its model.

    Args:
        baseline: drift baseline of the model.
        profile: feature profile of the snapshot.
        receipt: receipt of the push that served the snapshot.
        model_version: the model that scored the snapshot.
        run_name: name of the push.

    Raises:
        InvalidManifestError: profile and baseline differ in features or bins, or the profile does not describe the
            scored features.
        ScoredLinesLostError: the push served no members.
    """
    if profile.rows != receipt.read:
        raise InvalidManifestError(
            f"the feature profile counts {profile.rows} rows, but {run_name} has read {receipt.read} scored lines: the "
            "features were rewritten in between; score the snapshot again"
        )
    members = receipt.written + receipt.unchanged
    if not members:
        raise ScoredLinesLostError(
            f"{run_name} has served no members: {receipt.quarantined} of {receipt.read} scored lines are in "
            "quarantine, each with the reason"
        )
    then, now = baseline.features, profile
    if then.upper_bounds != now.upper_bounds or not (then.counts.keys() == now.counts.keys() == set(MODEL_FEATURES)):
        raise InvalidManifestError(
            f"the feature profile and the drift baseline of model {model_version} have different features or bins; run "
            "the ETL again, and if the error persists, train another model"
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
        members=members,
        features=features,
        stage_mix=stage_mix,
        stages=receipt.predicted_stages,
        baseline_stages=baseline.stages,
        changes=receipt.changes,
        flip_rate=receipt.changes.flip_rate(),
        is_drifted=any(shift.level is DriftLevel.SIGNIFICANT for shift in shifts),
    )
