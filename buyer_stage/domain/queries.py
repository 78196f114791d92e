"""Fill in the parameters of the queries in `sql/`, for any engine that runs them."""

from collections.abc import Iterable
from datetime import date

from buyer_stage.domain.features import MODEL_FEATURES
from buyer_stage.domain.snapshot_date import format_partition_value


def fill_feature_query(definition: str, snapshot_dates: Iterable[date]) -> str:
    """Return the query for the features of some snapshots.

    Args:
        definition: text of `sql/features.sql`.
        snapshot_dates: one date or more.
    """
    return definition.replace(":snapshot_dates", _literals(snapshot_dates))


def fill_labeled_set_query(definition: str, feature_definition: str, snapshot_dates: Iterable[date]) -> str:
    """Return the query for the labeled set of some snapshots.

    Args:
        definition: text of `sql/labeled_set.sql`.
        feature_definition: text of `sql/features.sql`.
        snapshot_dates: one date or more.
    """
    return (
        definition.replace(":model_features", ",\n    ".join(f"features.{name}" for name in MODEL_FEATURES))
        .replace(":features", feature_definition)
        .replace(":snapshot_dates", _literals(snapshot_dates))
    )


def _literals(snapshot_dates: Iterable[date]) -> str:
    return ", ".join(f"'{format_partition_value(snapshot_date)}'" for snapshot_date in snapshot_dates)
