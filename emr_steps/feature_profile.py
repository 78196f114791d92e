"""Counts the values of each feature per bin of `buyer_stage.domain.feature_bins`, and nulls, on Spark."""

from dataclasses import dataclass
from functools import reduce
from operator import add

from pyspark.sql import DataFrame
from pyspark.sql import functions as sf

from buyer_stage.domain.documents import FeatureProfile
from buyer_stage.domain.feature_bins import BIN_COUNT, UPPER_BOUNDS
from buyer_stage.domain.features import MODEL_FEATURES, SOURCE_COLUMNS, window_feature_names
from buyer_stage.domain.windows import Window
from emr_steps.feature_transforms import WINDOW_DAYS, is_missing, window_features

_MISSING = -(2**63)
"""Stands for null: arrays and groups without nulls are faster."""


@dataclass(frozen=True)
class ProfiledInput:
    """What one pass over the raw rows counts.

    Attributes:
        profile: the distribution of each feature's values.
        nulls: window -> source column -> values that are null or NaN; columns without any are missing.
    """

    profile: FeatureProfile
    nulls: dict[Window, dict[str, int]]


def profile_features(rows: DataFrame, row_count: int) -> ProfiledInput:
    """Count the members per bin of each of `MODEL_FEATURES`, and the nulls of the source columns.

    Args:
        rows: raw rows of one snapshot: `WINDOW_DAYS`, member id and the source columns.
        row_count: number of members in all windows.
    """
    # One row per value, so that the bin is one expression instead of one per feature. Most values are 0, and a member
    # who is missing from a window has only zeros there: the first bin is what the others leave.
    first_bin, *other_bounds = UPPER_BOUNDS
    names = window_feature_names(Window.T001)
    first_features = {names.index(source.feature_names(Window.T001)[0]): source for source in SOURCE_COLUMNS}
    # The bounds are whole numbers, so rounding up does not change a bin, and whole numbers are faster to compare.
    values = [sf.ceil(feature) for feature in window_features()]
    # A null is counted at its column's first feature, which is 0 then, so that no bin loses a value.
    for position, source in first_features.items():
        values[position] = sf.when(is_missing(source), _MISSING).otherwise(values[position])
    exploded = rows.select(WINDOW_DAYS, sf.posexplode(sf.array(*values)))
    is_null = sf.col("col") == _MISSING
    above_first = exploded.where((sf.col("col") > first_bin) | is_null)
    bounds = [(sf.col("col") > bound).cast("int") for bound in other_bounds]
    bin_number = reduce(add, bounds, sf.lit(1) - is_null.cast("int"))
    counted = above_first.groupBy(WINDOW_DAYS, "pos", bin_number.alias("bin")).count().collect()
    counts = {name: [0] * BIN_COUNT for name in MODEL_FEATURES}
    windows = {window.days: window for window in Window}
    nulls: dict[Window, dict[str, int]] = {window: {} for window in Window}
    for row in counted:
        window = windows[row[WINDOW_DAYS]]
        if row["bin"] == 0:
            nulls[window][first_features[row["pos"]].name] = row["count"]
        else:
            counts[window_feature_names(window)[row["pos"]]][row["bin"]] = row["count"]
    per_feature = {name: (row_count - sum(others), *others[1:]) for name, others in counts.items()}
    return ProfiledInput(FeatureProfile(row_count, UPPER_BOUNDS, per_feature), nulls)
