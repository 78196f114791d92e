"""The distance between two distributions, and how much of it is chance."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

from buyer_stage.domain.shift import CHANCE, DriftLevel, measure_shift

COUNTS = st.lists(st.integers(0, 1000), min_size=4, max_size=4).filter(any)


def test_index_is_the_sum_over_bins() -> None:
    shift = measure_shift([100_000, 300_000, 600_000], [200_000, 300_000, 500_000])
    assert shift.psi == pytest.approx(0.1 * math.log(2) - 0.1 * math.log(5 / 6), rel=1e-3)


@given(then=COUNTS, now=COUNTS)
def test_index_is_finite_nonnegative_and_symmetric(then: list[int], now: list[int]) -> None:
    shift = measure_shift(then, now)
    assert math.isfinite(shift.psi)
    assert shift.psi >= 0
    assert shift == measure_shift(now, then)


@given(counts=COUNTS)
def test_equal_counts_have_no_shift(counts: list[int]) -> None:
    assert measure_shift(counts, counts).psi == 0


@pytest.mark.parametrize("bins", range(2, 13))
def test_by_chance_is_a_quantile_of_chi_squared(bins: int) -> None:
    shift = measure_shift([100] * bins, [300] * bins)
    expected = chi2.ppf(1 - CHANCE, bins - 1) * (1 / (100 * bins) + 1 / (300 * bins))
    assert shift.by_chance == pytest.approx(expected, rel=0.04)


@pytest.mark.parametrize(
    ("now", "level"),
    [
        ([50_000, 50_000], DriftLevel.STABLE),
        ([65_500, 34_500], DriftLevel.STABLE),
        ([66_000, 34_000], DriftLevel.MODERATE),
        ([73_500, 26_500], DriftLevel.MODERATE),
        ([74_100, 25_900], DriftLevel.SIGNIFICANT),
        ([8, 2], DriftLevel.STABLE),
    ],
    ids=["none", "below 0.1", "above 0.1", "below 0.25", "above 0.25", "large, but ten rows"],
)
def test_level_of_a_shift(now: list[int], level: DriftLevel) -> None:
    assert measure_shift([50_000, 50_000], now).level is level


@pytest.mark.parametrize("rows", [12, 50, 200])
def test_few_rows_of_the_same_members_hardly_ever_shift(rows: int) -> None:
    draw = np.random.default_rng(7)
    shares = [0.6, 0.1, 0.1, 0.05, 0.05, 0.04, 0.03, 0.02, 0.01]
    shifts = [measure_shift(draw.multinomial(2000, shares), draw.multinomial(rows, shares)) for _ in range(500)]
    assert sum(shift.level is not DriftLevel.STABLE for shift in shifts) <= 2


def test_half_a_row_is_added_to_each_bin() -> None:
    expected = (9.5 - 10.5) / 11 * math.log(9.5 / 10.5) + (1.5 - 0.5) / 11 * math.log(1.5 / 0.5)
    assert measure_shift([10, 0], [9, 1]).psi == pytest.approx(expected, abs=1e-6)


def test_a_single_bin_cannot_shift() -> None:
    assert measure_shift([9, 0], [5, 0]).level is DriftLevel.STABLE
