"""The feature rules in plain Python. The Spark code and the SQL definition must produce the same values."""

import math
from collections.abc import Mapping
from datetime import date

from buyer_stage.domain.features import MAXIMUM_DWELL_SECONDS, SOURCE_COLUMNS, Rule
from buyer_stage.domain.windows import Window


def reference_features(
    member_id: str, snapshot_date: date, windows: Mapping[Window, Mapping[str, object]]
) -> list[object]:
    """Return a member's output row, computed from the raw rows of the windows that the member is in."""
    row: list[object] = [member_id, snapshot_date.month, snapshot_date.day, snapshot_date.isoweekday()]
    for window in Window:
        raw = windows.get(window, {})
        for source in SOURCE_COLUMNS:
            value = raw.get(source.name)
            if source.rule is Rule.ONE_HOT:
                row += [int(isinstance(value, str) and value.strip() == known) for known in source.values]
                continue
            number = value if isinstance(value, int | float) and not math.isnan(value) else 0
            row.append(min(number, MAXIMUM_DWELL_SECONDS) if source.rule is Rule.DWELL else number)
    return row
