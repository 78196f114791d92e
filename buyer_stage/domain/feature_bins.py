"""The bins in which the values of a feature are counted, to compare a snapshot with what a model has learned from.

The bins are the same for every feature, model and snapshot. Zero has a bin of its own, because most members never did
most things. The other bins double in width, because counts and seconds are skewed, and the last one is open.
"""

from bisect import bisect_left
from collections.abc import Sequence

from buyer_stage.domain.documents import FeatureProfile
from buyer_stage.domain.features import MODEL_FEATURES

UPPER_BOUNDS: tuple[int, ...] = (0, *(2**power for power in range(10)))
"""Inclusive upper bounds of all bins but the last: 0, 1, 2, 4 ... 512."""

BIN_COUNT = len(UPPER_BOUNDS) + 1


def bin_of(value: float) -> int:
    """Return the index of the bin that holds a value, which is 0 or more."""
    return bisect_left(UPPER_BOUNDS, value)


def profile_rows(rows: Sequence[Sequence[float]]) -> FeatureProfile:
    """Count the values of each feature per bin.

    Args:
        rows: the values of `MODEL_FEATURES` in each row, in order.
    """
    counts = {feature: [0] * BIN_COUNT for feature in MODEL_FEATURES}
    for row in rows:
        for feature, value in zip(MODEL_FEATURES, row, strict=True):
            counts[feature][bin_of(value)] += 1
    return FeatureProfile(len(rows), UPPER_BOUNDS, {feature: tuple(per_bin) for feature, per_bin in counts.items()})
