"""Counts the values of each feature per bin of `buyer_stage.domain.feature_bins`, on Spark."""

from functools import reduce
from operator import add

from pyspark.sql import DataFrame
from pyspark.sql import functions as sf

from buyer_stage.domain.documents import FeatureProfile
from buyer_stage.domain.feature_bins import BIN_COUNT, UPPER_BOUNDS
from buyer_stage.domain.features import MODEL_FEATURES, window_feature_names
from buyer_stage.domain.windows import Window
from emr_steps.feature_transforms import WINDOW_DAYS, window_features


def profile_features(rows: DataFrame, row_count: int) -> FeatureProfile:
    """Count the members per bin of each of `MODEL_FEATURES`.

    Args:
        rows: raw rows of one snapshot: `WINDOW_DAYS`, member id and the source columns.
        row_count: number of members in all windows.
    """
    # One row per value, so that the bin is one expression instead of one per feature. Most values are 0, and a member
    # who is missing from a window has only zeros there: the first bin is what the others leave.
    first_bin, *other_bounds = UPPER_BOUNDS
    # The bounds are whole numbers, so rounding up does not change a bin, and whole numbers are faster to compare.
    values = sf.array(*[sf.ceil(feature) for feature in window_features()])
    above_first = rows.select(WINDOW_DAYS, sf.posexplode(values)).where(sf.col("col") > first_bin)
    bin_number = reduce(add, [(sf.col("col") > bound).cast("int") for bound in other_bounds], sf.lit(1))
    counted = above_first.groupBy(WINDOW_DAYS, "pos", bin_number.alias("bin")).count().collect()
    counts = {name: [0] * BIN_COUNT for name in MODEL_FEATURES}
    windows = {window.days: window for window in Window}
    for row in counted:
        counts[window_feature_names(windows[row[WINDOW_DAYS]])[row["pos"]]][row["bin"]] = row["count"]
    per_feature = {name: (row_count - sum(others), *others[1:]) for name, others in counts.items()}
    return FeatureProfile(row_count, UPPER_BOUNDS, per_feature)
