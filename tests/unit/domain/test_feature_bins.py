"""Values are counted in the bins of the bounds; tests/spark checks that Spark counts the same."""

import pytest

from buyer_stage.domain.feature_bins import BIN_COUNT, UPPER_BOUNDS, bin_of, profile_rows
from buyer_stage.domain.features import MODEL_FEATURES


@pytest.mark.parametrize(
    ("value", "number"), [(0, 0), (0.1, 1), (1, 1), (1.01, 2), (2, 2), (180, 9), (512, 10), (513, 11), (2**40, 11)]
)
def test_a_bound_belongs_to_the_lower_bin(value: float, number: int) -> None:
    assert bin_of(value) == number


def test_every_row_is_counted_once_per_feature() -> None:
    zeros, large = [0.0] * len(MODEL_FEATURES), [1000.0] * len(MODEL_FEATURES)
    profile = profile_rows([zeros, zeros, large])
    assert (profile.rows, profile.upper_bounds) == (3, UPPER_BOUNDS)
    assert profile.counts == {name: (2, *[0] * (BIN_COUNT - 2), 1) for name in MODEL_FEATURES}
