"""Counts the values of each feature per bin of `buyer_stage.domain.feature_bins`, on Spark."""

from functools import reduce
from operator import add

from pyspark.sql import DataFrame
from pyspark.sql import functions as sf

from buyer_stage.domain.documents import FeatureProfile
from buyer_stage.domain.feature_bins import BIN_COUNT, UPPER_BOUNDS
from buyer_stage.domain.features import MODEL_FEATURES


def profile_features(features: DataFrame) -> FeatureProfile:
    """Count the values of each of `MODEL_FEATURES` per bin.

    Args:
        features: one row per member, from `feature_files.read_features`.
    """
    # With one row per value, the bin is one expression instead of one per feature. The shuffle moves counts only.
    values = sf.array(*[sf.col(name).cast("double") for name in MODEL_FEATURES])
    bin_number = reduce(add, [(sf.col("value") > bound).cast("int") for bound in UPPER_BOUNDS])
    counted = (
        features.select(sf.posexplode(values).alias("feature", "value"))
        .groupBy("feature", bin_number.alias("bin"))
        .count()
        .collect()
    )
    counts = {(row["feature"], row["bin"]): row["count"] for row in counted}
    per_feature = {
        name: tuple(counts.get((position, number), 0) for number in range(BIN_COUNT))
        for position, name in enumerate(MODEL_FEATURES)
    }
    return FeatureProfile(sum(per_feature[MODEL_FEATURES[0]]), UPPER_BOUNDS, per_feature)
