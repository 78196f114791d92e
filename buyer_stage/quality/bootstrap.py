"""Confidence intervals that resample whole members.

A member occurs on several snapshots with nearly the same features and the same label. Rows are therefore not
independent, and resampling rows would make the intervals too narrow. Whole members are drawn with replacement instead
(Efron and Tibshirani, An Introduction to the Bootstrap, 1993, the percentile interval; Field and Welsh, Bootstrapping
clustered data, 2007, on drawing clusters). Every metric is a function of sums over rows, so a resample is a weighted
sum over members, and a thousand resamples are one matrix product.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from buyer_stage.quality.predictions import Matrix

CONFIDENCE_LEVEL = 0.95
RESAMPLES = 1000

MEMBERS_PER_BLOCK = 2_000_000
"""Members times resamples whose weights are in memory at the same time: 16 MB."""


@dataclass(frozen=True)
class Estimate:
    """A value with its interval; both ends equal the value when nothing was resampled."""

    value: float
    low: float
    high: float


def resample(statistics: Matrix, members: Sequence[str], seed: int, resamples: int) -> tuple[Matrix, Matrix]:
    """Return the sums over all rows, and the sums over the rows of members drawn with replacement.

    Args:
        statistics: S statistics of each of N rows, shape (N, S).
        members: member id of each row.
        seed: seed of the draws; equal seeds draw equal members for any statistics.
        resamples: number of draws R, 0 or more.

    Returns:
        The sums, shape (S,), and the sums of each draw, shape (R, S).
    """
    _, positions = np.unique(np.array(members), return_inverse=True)
    count = int(positions.max()) + 1
    by_member = np.zeros((count, statistics.shape[1]))
    np.add.at(by_member, positions, statistics)
    drawn = [weights @ by_member for weights in _draws(count, seed, resamples)]
    return by_member.sum(axis=0), np.vstack([np.zeros((0, statistics.shape[1])), *drawn])


def estimate(value: np.float64 | Matrix, drawn: Matrix) -> Estimate:
    """Return a value with the percentile interval of its draws.

    Args:
        value: the value over all rows.
        drawn: the value in each draw, shape (R,); NaN where a draw does not define it.
    """
    drawn = drawn[~np.isnan(drawn)]
    if not len(drawn):
        return Estimate(float(value), float(value), float(value))
    tail = (1 - CONFIDENCE_LEVEL) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Estimate(float(value), float(low), float(high))


def _draws(members: int, seed: int, resamples: int) -> Iterator[Matrix]:
    """Yield blocks of draws: how often each member was drawn, shape (draws in the block, members)."""
    random = np.random.default_rng(seed)
    block = max(1, MEMBERS_PER_BLOCK // members)
    for start in range(0, resamples, block):
        draws = min(block, resamples - start)
        offsets = np.arange(draws)[:, None] * members
        picked = random.integers(members, size=(draws, members)) + offsets
        yield np.bincount(picked.ravel(), minlength=draws * members).reshape(draws, members).astype(np.float64)
