"""A shift counts as drift when it is large and more than chance."""

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

from buyer_stage.domain.documents import PushReceipt, StageChanges
from buyer_stage.domain.errors import InvalidManifestError, ScoredLinesLostError
from buyer_stage.domain.feature_bins import profile_rows
from buyer_stage.domain.features import MODEL_FEATURES
from buyer_stage.domain.stages import Stage
from buyer_stage.domain.windows import Window
from buyer_stage.quality.drift import (
    CHANCE,
    DriftBaseline,
    DriftLevel,
    DriftReport,
    measure_shift,
    report_drift,
)

COUNTS = st.lists(st.integers(0, 1000), min_size=4, max_size=4).filter(any)


def test_index_is_as_the_literature_has_it() -> None:
    shift = measure_shift([100_000, 300_000, 600_000], [200_000, 300_000, 500_000])
    assert shift.psi == pytest.approx(0.1 * math.log(2) - 0.1 * math.log(5 / 6), rel=1e-3)


@given(then=COUNTS, now=COUNTS)
def test_index_is_finite_not_negative_and_the_same_both_ways(then: list[int], now: list[int]) -> None:
    shift = measure_shift(then, now)
    assert math.isfinite(shift.psi)
    assert shift.psi >= 0
    assert shift == measure_shift(now, then)


@given(counts=COUNTS)
def test_what_has_not_changed_has_not_shifted(counts: list[int]) -> None:
    assert measure_shift(counts, counts).psi == 0


@pytest.mark.parametrize("bins", range(2, 13))
def test_what_chance_does_is_a_quantile_of_chi_squared(bins: int) -> None:
    shift = measure_shift([100] * bins, [300] * bins)
    expected = chi2.ppf(1 - CHANCE, bins - 1) * (1 / (100 * bins) + 1 / (300 * bins))
    assert shift.by_chance == pytest.approx(expected, rel=0.04)


@pytest.mark.parametrize(
    ("now", "level"),
    [
        ([50_000, 50_000], DriftLevel.STABLE),
        ([60_000, 40_000], DriftLevel.STABLE),
        ([68_000, 32_000], DriftLevel.MODERATE),
        ([80_000, 20_000], DriftLevel.SIGNIFICANT),
        ([8, 2], DriftLevel.STABLE),
    ],
    ids=["nothing", "little", "some", "much", "as much, of ten rows"],
)
def test_level_of_a_shift(now: list[int], level: DriftLevel) -> None:
    assert measure_shift([50_000, 50_000], now).level is level


@pytest.mark.parametrize("rows", [12, 50, 200])
def test_few_rows_of_the_same_members_hardly_ever_shift(rows: int) -> None:
    draw = np.random.default_rng(7)
    shares = [0.6, 0.1, 0.1, 0.05, 0.05, 0.04, 0.03, 0.02, 0.01]
    shifts = [measure_shift(draw.multinomial(2000, shares), draw.multinomial(rows, shares)) for _ in range(500)]
    assert sum(shift.level is not DriftLevel.STABLE for shift in shifts) <= 2


def test_a_single_bin_cannot_shift() -> None:
    assert measure_shift([9, 0], [5, 0]).level is DriftLevel.STABLE


def rows(count: int, busy: Sequence[str] = ()) -> list[list[float]]:
    return [[40.0 if name in busy else float(number % 3) for name in MODEL_FEATURES] for number in range(count)]


MIX = {"Dreamer": 500, "Casual Searcher": 200, "Active Searcher": 200, "Ready To Transact": 100}
CHANGES = StageChanges(
    previous_snapshot_date=date(2020, 1, 29),
    previous_members=900,
    transitions={then.value: {now.value: 30 if then is now else 10 for now in Stage} for then in Stage},
    held=7,
)
SERVED = dict(zip(MIX, reversed(MIX.values()), strict=True))
RECEIPT = PushReceipt(date(2020, 1, 30), 1000, 1000, 0, 0, SERVED, MIX, CHANGES)
BASELINE = DriftBaseline(profile_rows(rows(900)), {stage: count // 5 for stage, count in MIX.items()})


def report(baseline: DriftBaseline = BASELINE, receipt: PushReceipt = RECEIPT, busy: Sequence[str] = ()) -> DriftReport:
    return report_drift(baseline, profile_rows(rows(1000, busy)), receipt, model_version="model-1", run_name="run-1")


def test_report_of_a_day_like_the_training() -> None:
    """Of the stages that the model names; those served, some of which wait, are another matter."""
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


def test_stage_mix_alone_can_drift() -> None:
    made = report(receipt=replace(RECEIPT, predicted_stages=SERVED))
    assert (made.is_drifted, made.stage_mix.level) == (True, DriftLevel.SIGNIFICANT)
    assert made.features_at(DriftLevel.SIGNIFICANT) == []


def test_without_an_earlier_snapshot_nobody_has_changed() -> None:
    nobody = {then.value: {now.value: 0 for now in Stage} for then in Stage}
    assert report(receipt=replace(RECEIPT, changes=StageChanges(None, 0, nobody, 0))).flip_rate is None


def test_features_that_were_made_anew_are_not_compared() -> None:
    with pytest.raises(InvalidManifestError, match="counts 1000 rows, run-1 has read 999"):
        report(receipt=replace(RECEIPT, read=999))


def test_a_run_that_served_nobody_is_no_stable_one() -> None:
    with pytest.raises(ScoredLinesLostError, match="run-1 has served nobody: all 1000 records are in quarantine"):
        report(receipt=replace(RECEIPT, written=0, quarantined=1000))


@pytest.mark.parametrize("name", ["total_searches", "total_searches_008", ""])
def test_what_is_no_feature_of_a_window_is_refused(name: str) -> None:
    counts = {**BASELINE.features.counts, name: BASELINE.features.counts["total_searches_007"]}
    other, profile = replace(BASELINE.features, counts=counts), replace(profile_rows(rows(1000)), counts=counts)
    with pytest.raises(InvalidManifestError, match="count other features or bins"):
        report_drift(replace(BASELINE, features=other), profile, RECEIPT, model_version="model-1", run_name="run-1")


def test_other_bins_are_not_compared() -> None:
    other = replace(BASELINE, features=replace(BASELINE.features, upper_bounds=(0, 10)))
    with pytest.raises(InvalidManifestError, match="baseline of model model-1 count other features or bins"):
        report(baseline=other)
