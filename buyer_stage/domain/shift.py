"""Measure how far two distributions are apart.

The population stability index (PSI) is the sum over bins of (q - p) ln(q / p), where p and q are the shares of a bin in
the baseline and in the snapshot. In credit scoring, where the index comes from, less than 0.1 means stable, and more
than 0.25 means a different population (Siddiqi, Credit Risk Scorecards, 2006).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from statistics import NormalDist

MODERATE_PSI = 0.1
SIGNIFICANT_PSI = 0.25

CHANCE = 0.001
"""Share of the comparisons of a population with itself that can pass for a shift; a day has 155 comparisons."""

PRIOR_ROWS_PER_BIN = 0.5
"""Added to each bin's count (Jeffreys' prior), so that the index stays finite when a bin is empty on one side."""


class DriftLevel(Enum):
    """How large a shift is."""

    STABLE = "stable"
    MODERATE = "moderate"
    SIGNIFICANT = "significant"


@dataclass(frozen=True)
class Shift:
    """The distance between two distributions.

    Attributes:
        psi: the population stability index, 0 or more.
        by_chance: the index that samples of these sizes from one population exceed with probability `CHANCE`; a smaller
            index is not a shift.
        level: how large the shift is.
    """

    psi: float
    by_chance: float
    level: DriftLevel


def measure_shift(baseline: Sequence[int], current: Sequence[int]) -> Shift:
    """Measure the distance between two distributions.

    For two samples of one population, the index times 1 / (1/n + 1/m) follows a chi-squared distribution with one
    degree of freedom less than there are bins (Yurdakul, Statistical Properties of Population Stability Index, 2018).
    Samples of 50 rows therefore reach an index of 0.4 without any shift, which `by_chance` accounts for. This requires
    independent rows, that is, one row per member.

    Args:
        baseline: rows in each bin of the baseline, one row or more in total.
        current: rows in each bin of the snapshot, one row or more in total.
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
    """Return the quantile by Wilson and Hilferty's cube (1931), which is within 3% in the tails used here."""
    spread = 2 / (9 * degrees_of_freedom)
    return degrees_of_freedom * (1 - spread + NormalDist().inv_cdf(probability) * math.sqrt(spread)) ** 3
