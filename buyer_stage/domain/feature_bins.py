"""The bins that a feature's values are counted in, so that a day can be compared with what a model has learned from.

The same for every feature, model and day. Nought is a bin of its own, for most members did most things not at all; then
they double, because counts and seconds are skewed, and what lies above the last bound is one bin.
"""

from bisect import bisect_left
from collections.abc import Sequence

from buyer_stage.domain.documents import FeatureProfile
from buyer_stage.domain.features import MODEL_FEATURES

UPPER_BOUNDS: tuple[int, ...] = (0, *(2**power for power in range(10)))
"""Of all bins but the last, inclusive: 0, 1, 2, 4 ... 512."""

BIN_COUNT = len(UPPER_BOUNDS) + 1


def bin_of(value: float) -> int:
    """Give the index of the bin that a value, 0 or more, belongs to."""
    return bisect_left(UPPER_BOUNDS, value)


def profile_rows(rows: Sequence[Sequence[float]]) -> FeatureProfile:
    """Count the values of each feature per bin.

    Args:
        rows: the values of `MODEL_FEATURES` of each row, in order.
    """
    counts = {feature: [0] * BIN_COUNT for feature in MODEL_FEATURES}
    for row in rows:
        for feature, value in zip(MODEL_FEATURES, row, strict=True):
            counts[feature][bin_of(value)] += 1
    return FeatureProfile(len(rows), UPPER_BOUNDS, {feature: tuple(per_bin) for feature, per_bin in counts.items()})
