"""Checks of a snapshot's input: rules that compare what the data lake holds with the snapshots before.

The rules are the source of `contracts/consumer_profile.odcs.yaml`, in which the owners of the data lake find them.

Where the limits come from. In the original's sample, the share of zeros of a column with 300 rows or more differs from
the median of the days before by at most 0.061, and with 100 rows or more by at most 0.095. In generated data lakes,
shares of nulls and zeros differ by at most 0.07 (410 rows), and shares of unknown segments, which are about 0.01, by at
most 0.017. The sample says little about the number of rows: few members were asked, and it has days with a fifth of the
rows of the day before. The limits of rows that warn are those of the design for the number of scored members, and those
that refuse keep a day of half the members away.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

from buyer_stage.domain.datalake import table_name
from buyer_stage.domain.documents import FeatureManifest, FeatureProfile, InputCounts, InputWarning
from buyer_stage.domain.errors import DataLakeError, InvalidInputError
from buyer_stage.domain.features import DOMINANT_SEGMENT, SOURCE_COLUMNS
from buyer_stage.domain.windows import Window

EARLIER_SNAPSHOTS = 7
"""Snapshots that a snapshot is compared with: all days of a week, because weekends differ."""

EARLIER_SNAPSHOTS_FOR_ROWS = 5
"""Earlier snapshots without which the number of rows only warns: fewer days do not show what is usual."""

MINIMUM_ROWS = 500
"""Tables with fewer rows are not judged. With 500, a share is off by chance by 0.022 (standard error) at most."""

ERRORS_SHOWN = 5
"""Broken rules that a message shows. A table that lost its columns breaks dozens."""

ACCEPT_REASON = r"[A-Za-z0-9][A-Za-z0-9 .,:;()#+@_/-]{0,199}"
"""Reasons to accept a snapshot, as a regular expression for Python and JSONata: text that no shell interprets."""


class Measure(StrEnum):
    """What a rule limits, per table, and for shares per column."""

    ROWS = "rows"
    NULL_SHARE = "null_share"
    ZERO_SHARE = "zero_share"
    UNKNOWN_SEGMENT_SHARE = "unknown_segment_share"


class Level(StrEnum):
    """What happens when a rule is broken."""

    WARN = "warn"
    """The manifest records it."""
    ERROR = "error"
    """The snapshot is refused."""


@dataclass(frozen=True)
class InputRule:
    """A limit for how far a measure can move from its median over the earlier snapshots.

    Attributes:
        measure: the measure.
        level: what happens beyond the limits.
        lowest: least change: of rows as a ratio to the median, of shares as a difference from it.
        highest: greatest change, likewise.
    """

    measure: Measure
    level: Level
    lowest: float
    highest: float

    def limits(self, usual: float) -> tuple[float, float]:
        """Return the least and the greatest value that the rule allows where `usual` is the median."""
        if self.measure is Measure.ROWS:
            return usual * self.lowest, usual * self.highest
        return usual + self.lowest, usual + self.highest

    def exceeded_limit(self, value: float, usual: float) -> float | None:
        """Return the limit that a value exceeds, or None."""
        low, high = self.limits(usual)
        return low if value < low else high if value > high else None


RULES: tuple[InputRule, ...] = (
    InputRule(Measure.ROWS, Level.ERROR, 0.6, 1.5),
    InputRule(Measure.ROWS, Level.WARN, 0.9, 1.25),
    InputRule(Measure.NULL_SHARE, Level.ERROR, -0.25, 0.25),
    InputRule(Measure.NULL_SHARE, Level.WARN, -0.1, 0.1),
    InputRule(Measure.ZERO_SHARE, Level.ERROR, -0.25, 0.25),
    InputRule(Measure.ZERO_SHARE, Level.WARN, -0.1, 0.1),
    # Fewer unknown segments than usual are good news.
    InputRule(Measure.UNKNOWN_SEGMENT_SHARE, Level.ERROR, -1.0, 0.1),
    InputRule(Measure.UNKNOWN_SEGMENT_SHARE, Level.WARN, -1.0, 0.05),
)
"""All rules. Of a measure, the first that is broken counts."""


@dataclass(frozen=True)
class BrokenRule:
    """A rule that a snapshot breaks.

    Attributes:
        level: level of the rule.
        usual: the median over the earlier snapshots.
        warning: the rule with table, column, value and limit.
    """

    level: Level
    usual: float
    warning: InputWarning

    def __str__(self) -> str:
        warning = self.warning
        column = f", column {warning.column}" if warning.column else ""
        return (
            f"table {warning.table}{column}: {warning.rule} is {warning.value:.6g}, beyond the limit "
            f"{warning.limit:.6g} (usually {self.usual:.6g})"
        )


def count_input(
    rows: Mapping[Window, int], nulls: Mapping[Window, Mapping[str, int]], profile: FeatureProfile
) -> dict[str, InputCounts]:
    """Derive what each window's table holds from what the ETL counts anyway.

    Args:
        rows: rows of the members in `profile`.
        nulls: source column -> values that are null or NaN; columns without any can be missing.
        profile: bins of the features.

    Returns:
        Window -> counts.
    """
    counted = {}
    for window in Window:
        others = {}
        for source in SOURCE_COLUMNS:
            # A feature's first bin also has the members who are missing from the window, so count from the other end.
            above_zero = sum(sum(profile.counts[name][1:]) for name in source.feature_names(window))
            others[source.name] = rows[window] - nulls[window].get(source.name, 0) - above_zero
        unknown = others.pop(DOMINANT_SEGMENT.name)
        all_nulls = {source.name: nulls[window].get(source.name, 0) for source in SOURCE_COLUMNS}
        counted[window.value] = InputCounts(rows[window], all_nulls, others, unknown)
    return counted


def find_broken_rules(
    window_row_counts: Mapping[str, int],
    input_counts: Mapping[str, InputCounts],
    earlier: Sequence[FeatureManifest],
) -> list[BrokenRule]:
    """Return the rules that a snapshot breaks.

    Args:
        window_row_counts: window -> rows in the data lake.
        input_counts: window -> what its table holds.
        earlier: manifests of the snapshots to compare with, in any order, usually `EARLIER_SNAPSHOTS`. Those without
            `input_counts` are compared by their rows only.
    """
    return [
        broken
        for window in Window
        for broken in [
            *_check_rows(window, window_row_counts, earlier),
            *_check_shares(window, input_counts[window.value], _counts_of(window, earlier)),
        ]
    ]


def refuse_or_warn(broken: Iterable[BrokenRule], snapshot: str, accepted: str) -> tuple[InputWarning, ...]:
    """Return the broken rules as warnings, unless one of them refuses the snapshot.

    Args:
        broken: the broken rules.
        snapshot: the snapshot, for the message.
        accepted: why a person accepts the snapshot; empty if none does.

    Raises:
        DataLakeError: a rule of level error is broken, and the snapshot is not accepted.
    """
    broken = list(broken)
    errors = [str(rule) for rule in broken if rule.level is Level.ERROR]
    if errors and not accepted:
        more = f"; and {len(errors) - ERRORS_SHOWN} more" if len(errors) > ERRORS_SHOWN else ""
        raise DataLakeError(
            f"snapshot {snapshot} is refused, because it differs too much from the snapshots before: "
            f"{'; '.join(errors[:ERRORS_SHOWN])}{more}. Ask the owners of the data lake to fix it, or run the ETL with "
            "accept_input if the data is right"
        )
    return tuple(rule.warning for rule in broken)


def accepted_before(
    previous: FeatureManifest | None, window_row_counts: Mapping[str, int], input_counts: Mapping[str, InputCounts]
) -> str:
    """Return why a person has accepted the same input in an earlier run; empty if none has.

    Without it, the next scheduled run would refuse a snapshot that was accepted, and delete its features.

    Args:
        previous: the manifest that an earlier run of the same snapshot wrote; None if there is none.
        window_row_counts: window -> rows in the data lake.
        input_counts: window -> what its table holds.
    """
    if previous is None:
        return ""
    is_same = (previous.window_row_counts, previous.input_counts) == (window_row_counts, input_counts)
    return previous.accepted_input if is_same else ""


def parse_accept_reason(text: str) -> str:
    """Return the reason to accept a snapshot, which is empty if no one accepts it.

    Raises:
        InvalidInputError: the text is too long, or has other characters than `ACCEPT_REASON` allows.
    """
    if text and not re.fullmatch(ACCEPT_REASON, text):
        raise InvalidInputError(
            "accept_input must start with a letter or digit and have at most 200 letters, digits, spaces and "
            ".,:;()#+@_/- characters"
        )
    return text


def _check_rows(
    window: Window, window_row_counts: Mapping[str, int], earlier: Sequence[FeatureManifest]
) -> Iterator[BrokenRule]:
    usual = [manifest.window_row_counts[window.value] for manifest in earlier]
    if not usual or median(usual) < MINIMUM_ROWS:
        return
    levels = list(Level) if len(usual) >= EARLIER_SNAPSHOTS_FOR_ROWS else [Level.WARN]
    yield from _check(window, Measure.ROWS, "", window_row_counts[window.value], usual, levels)


def _check_shares(window: Window, counts: InputCounts, earlier: Sequence[InputCounts]) -> Iterator[BrokenRule]:
    if not earlier or min(counts.rows, median(each.rows for each in earlier)) < MINIMUM_ROWS:
        return
    shares = _shares(counts)
    earlier_shares = [_shares(each) for each in earlier]
    for key, share in shares.items():
        # A manifest of an earlier version of the features can lack a column.
        usual = [each[key] for each in earlier_shares if key in each]
        if usual:
            yield from _check(window, *key, share, usual, list(Level))


def _check(
    window: Window, measure: Measure, column: str, value: float, earlier: Sequence[float], levels: Sequence[Level]
) -> Iterator[BrokenRule]:
    usual = median(earlier)
    for rule in RULES:
        if rule.measure is measure and rule.level in levels:
            limit = rule.exceeded_limit(value, usual)
            if limit is not None:
                warning = InputWarning(measure.value, table_name(window), column, value, limit)
                yield BrokenRule(rule.level, usual, warning)
                return


def _counts_of(window: Window, manifests: Sequence[FeatureManifest]) -> list[InputCounts]:
    found = [manifest.input_counts.get(window.value) for manifest in manifests]
    return [counts for counts in found if counts is not None and counts.rows]


def _shares(counts: InputCounts) -> dict[tuple[Measure, str], float]:
    return {
        **{(Measure.NULL_SHARE, column): nulls / counts.rows for column, nulls in counts.nulls.items()},
        **{(Measure.ZERO_SHARE, column): zeros / counts.rows for column, zeros in counts.zeros.items()},
        (Measure.UNKNOWN_SEGMENT_SHARE, DOMINANT_SEGMENT.name): counts.unknown_segments / counts.rows,
    }
