"""A shift is drift when it is large and larger than chance."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pytest

from buyer_stage.domain.errors import InvalidManifestError, ScoredLinesLostError
from buyer_stage.domain.feature_bins import profile_rows
from buyer_stage.domain.features import MODEL_FEATURES
from buyer_stage.domain.serving_documents import PushKind, PushReceipt, StageChanges
from buyer_stage.domain.shift import DriftLevel, Shift
from buyer_stage.domain.stages import Stage
from buyer_stage.domain.windows import Window
from buyer_stage.quality.drift import DriftBaseline, DriftReport, report_drift


def rows(count: int, busy: Sequence[str] = ()) -> list[list[float]]:
    return [[40.0 if name in busy else float(number % 3) for name in MODEL_FEATURES] for number in range(count)]


MIX = {"Dreamer": 500, "Casual Searcher": 200, "Active Searcher": 200, "Ready To Transact": 100}
CHANGES = StageChanges(
    previous_snapshot_date=date(2020, 1, 29),
    previous_members=900,
    transitions={then.value: {now.value: 30 if then is now else 10 for now in Stage} for then in Stage},
    waiting=7,
)
SERVED = dict(zip(MIX, reversed(MIX.values()), strict=True))
RECEIPT = PushReceipt(
    date(2020, 1, 30), PushKind.SCORES, 2, expected=1000, read=1000, changes=CHANGES, written=300, unchanged=700,
    stages=SERVED, predicted_stages=MIX,
)  # fmt: skip
BASELINE = DriftBaseline(profile_rows(rows(900)), {stage: count // 5 for stage, count in MIX.items()})


def report(baseline: DriftBaseline = BASELINE, receipt: PushReceipt = RECEIPT, busy: Sequence[str] = ()) -> DriftReport:
    return report_drift(baseline, profile_rows(rows(1000, busy)), receipt, model_version="model-1", run_name="run-1")


def test_report_of_a_day_like_the_training() -> None:
    """The mix of predicted stages counts, not the mix of served stages, some of which wait."""
    made = report()
    assert (made.is_drifted, made.stage_mix.level, made.members) == (False, DriftLevel.STABLE, 1000)
    assert set(made.features) == {name.rpartition("_")[0] for name in MODEL_FEATURES}
    assert all(set(by_window) == {window.value for window in Window} for by_window in made.features.values())
    assert len(made.features) == 31
    assert made.features_at(DriftLevel.SIGNIFICANT) == []
    assert made.flip_rate == pytest.approx(0.5)


def test_report_names_the_features_and_windows_that_have_drifted() -> None:
    made = report(busy=["total_searches_007", "median_searches_090"])
    assert made.is_drifted
    assert sorted(made.features_at(DriftLevel.SIGNIFICANT)) == ["median_searches_090", "total_searches_007"]
    assert made.features["total_searches"]["t007"].level is DriftLevel.SIGNIFICANT
    assert made.features["total_searches"]["t030"].level is DriftLevel.STABLE


def test_features_of_a_level_are_sorted_by_shift_from_the_largest() -> None:
    shifts = {window.value: Shift(0.3 + window.days / 100, 0, DriftLevel.SIGNIFICANT) for window in Window}
    made = replace(report(), features={"total_searches": shifts})
    assert made.features_at(DriftLevel.SIGNIFICANT) == [
        f"total_searches_{days}" for days in ("090", "060", "030", "007", "001")
    ]


def test_stage_mix_alone_can_drift() -> None:
    made = report(receipt=replace(RECEIPT, predicted_stages=SERVED))
    assert (made.is_drifted, made.stage_mix.level) == (True, DriftLevel.SIGNIFICANT)
    assert made.features_at(DriftLevel.SIGNIFICANT) == []


def test_without_an_earlier_snapshot_there_is_no_flip_rate() -> None:
    none = {then.value: {now.value: 0 for now in Stage} for then in Stage}
    assert report(receipt=replace(RECEIPT, changes=StageChanges(None, 0, none, 0))).flip_rate is None


def test_rewritten_features_are_not_compared() -> None:
    with pytest.raises(InvalidManifestError, match="counts 1000 rows, but run-1 has read 999 scored lines"):
        report(receipt=replace(RECEIPT, read=999))


def test_a_push_that_served_no_members_is_an_error() -> None:
    with pytest.raises(ScoredLinesLostError, match="run-1 has served no members: 1000 of 1000 scored lines"):
        report(receipt=replace(RECEIPT, written=0, unchanged=0, quarantined=1000))


def test_a_day_on_which_no_item_changed_is_compared() -> None:
    assert report(receipt=replace(RECEIPT, written=0, unchanged=1000)).members == 1000


@pytest.mark.parametrize("name", ["total_searches", "total_searches_008", ""])
def test_unknown_feature_is_an_error(name: str) -> None:
    counts = {**BASELINE.features.counts, name: BASELINE.features.counts["total_searches_007"]}
    other, profile = replace(BASELINE.features, counts=counts), replace(profile_rows(rows(1000)), counts=counts)
    with pytest.raises(InvalidManifestError, match="have different features or bins"):
        report_drift(replace(BASELINE, features=other), profile, RECEIPT, model_version="model-1", run_name="run-1")


def test_different_bins_are_not_compared() -> None:
    other = replace(BASELINE, features=replace(BASELINE.features, upper_bounds=(0, 10)))
    with pytest.raises(InvalidManifestError, match="baseline of model model-1 have different features or bins"):
        report(baseline=other)
