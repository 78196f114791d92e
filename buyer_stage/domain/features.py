"""The feature specification. Every column list, one-hot name and column order in the product derives from it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from buyer_stage.domain.windows import Window

MAXIMUM_DWELL_SECONDS = 180
"""Longer dwell times mean that a tab was left open, not that the member kept reading."""


class HiveType(Enum):
    """Types of data lake columns, as Hive, Athena and Spark SQL spell them."""

    STRING = "string"
    BIGINT = "bigint"
    DOUBLE = "double"


class Rule(Enum):
    """How a data lake column becomes features."""

    COUNT = "null and NaN become 0"
    DWELL = "null and NaN become 0, capped at MAXIMUM_DWELL_SECONDS"
    ONE_HOT = "trimmed, one 0/1 feature per known value; null and unknown values are all zeros"


@dataclass(frozen=True)
class SourceColumn:
    """A data lake column that becomes features.

    Attributes:
        name: name of the column in every window's table.
        hive_type: type of the column.
        rule: how the column becomes features.
        values: for `Rule.ONE_HOT`, the known values in the order of their features.
    """

    name: str
    hive_type: HiveType
    rule: Rule
    values: tuple[str, ...] = ()

    def feature_names(self, window: Window) -> list[str]:
        """Return the names of the column's features in a window, in output order."""
        if self.rule is Rule.ONE_HOT:
            return [f"{self.name}_{value.replace(' ', '_')}{window.suffix}" for value in self.values]
        return [f"{self.name}{window.suffix}"]


def _count(name: str, hive_type: HiveType = HiveType.BIGINT) -> SourceColumn:
    return SourceColumn(name, hive_type, Rule.COUNT)


def _dwell(name: str, hive_type: HiveType = HiveType.BIGINT) -> SourceColumn:
    return SourceColumn(name, hive_type, Rule.DWELL)


MEMBER_ID = "member_id"
DOMINANT_SEGMENT = SourceColumn(
    "ldp_dominant_segment", HiveType.STRING, Rule.ONE_HOT, ("for sale", "not for sale", "for rent", "no_segment")
)

SOURCE_COLUMNS: tuple[SourceColumn, ...] = (
    DOMINANT_SEGMENT,
    _count("total_ldp_page_views"),
    _count("median_ldp_page_views"),
    _count("average_ldp_page_views", HiveType.DOUBLE),
    _dwell("average_ldp_dwell_time_seconds", HiveType.DOUBLE),
    _dwell("total_ldp_dwell_time_seconds"),
    _dwell("median_ldp_dwell_time_seconds"),
    _count("total_distinct_listings_viewed"),
    _count("total_listings_viewed"),
    _count("median_listings_viewed"),
    _count("average_listings_viewed", HiveType.DOUBLE),
    _count("total_searches"),
    _count("median_searches"),
    _count("average_searches", HiveType.DOUBLE),
    _dwell("total_srp_dwell_time_seconds"),
    _dwell("average_srp_dwell_time_seconds", HiveType.DOUBLE),
    _dwell("median_srp_dwell_time_seconds"),
    _dwell("total_lead_dwell_time_seconds"),
    _dwell("average_lead_dwell_time_seconds", HiveType.DOUBLE),
    _dwell("median_lead_dwell_time_seconds"),
    _count("total_saved_listings"),
    _count("total_shared_listings"),
    _count("total_saved_searches"),
    _count("total_shared_searches"),
    _count("total_leads_submitted"),
    _count("submitted_leads_for_rent"),
    _count("submitted_leads_for_sale"),
    _count("submitted_leads_not_for_sale"),
)
"""The data lake columns that become features, in the order of their features."""

CALENDAR_COLUMNS: tuple[str, ...] = ("snapshot_month", "snapshot_day_of_month", "snapshot_day_of_week")
"""Part of the output contract, but not of the model, which would meet new values of them every month."""


def window_feature_names(window: Window) -> list[str]:
    """Return the names of a window's 31 features, in output order."""
    return [name for column in SOURCE_COLUMNS for name in column.feature_names(window)]


MODEL_FEATURES: tuple[str, ...] = tuple(name for window in Window for name in window_feature_names(window))
"""The 155 columns that the model is trained on and scores, in order."""

OUTPUT_COLUMNS: tuple[str, ...] = (MEMBER_ID, *CALENDAR_COLUMNS, *MODEL_FEATURES)
"""The 159 columns of the ETL's output, in order."""

TARGET_COLUMN = "buyer_stage"
"""The column of the labeled set that the model learns to predict."""

TRANSFORM_INPUT_FILTER = f"$[{1 + len(CALENDAR_COLUMNS)}:]"
"""JSONPath with which batch transform leaves the member id and the calendar columns out of the model's input."""

FEATURE_SCHEMA_VERSION = 1
"""Increases whenever the meaning or the order of the output columns changes."""


def column_checksum(columns: Sequence[str]) -> str:
    """Return the SHA-256 (hex) of a column list; equal checksums mean equal columns in equal order."""
    return hashlib.sha256(",".join(columns).encode()).hexdigest()
