"""Which snapshots differ too much from the snapshots before, and what is said about them."""

import dataclasses
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buyer_stage.domain.documents import FeatureManifest, InputCounts, InputWarning
from buyer_stage.domain.errors import DataLakeError, InvalidInputError
from buyer_stage.domain.feature_bins import profile_rows
from buyer_stage.domain.features import DOMINANT_SEGMENT, MODEL_FEATURES, SOURCE_COLUMNS
from buyer_stage.domain.input_checks import (
    EARLIER_SNAPSHOTS_FOR_ROWS,
    MINIMUM_ROWS,
    RULES,
    BrokenRule,
    Level,
    Measure,
    accepted_before,
    count_input,
    find_broken_rules,
    parse_accept_reason,
    refuse_or_warn,
)
from buyer_stage.domain.windows import Window

TABLE = "consumer_analytical_profile_member_id_summary_t030"
SEARCHES = "total_searches"
NUMBERS = [source.name for source in SOURCE_COLUMNS if source is not DOMINANT_SEGMENT]


def counts(rows: int = 1000, nulls: int = 100, zeros: int = 500, unknown: int = 10) -> InputCounts:
    """Return the counts of a table whose columns all have the same nulls and zeros."""
    return InputCounts(rows, {source.name: nulls for source in SOURCE_COLUMNS}, dict.fromkeys(NUMBERS, zeros), unknown)


def manifest(each: InputCounts | None = None) -> FeatureManifest:
    each = each or counts()
    rows = {window.value: each.rows for window in Window}
    by_window = {window.value: each for window in Window}
    return FeatureManifest(1, date(2020, 2, 3), each.rows, rows, "columns", "rows", (), input_counts=by_window)


def broken(changed: InputCounts, earlier: list[FeatureManifest], rows: int | None = None) -> list[BrokenRule]:
    """Return the rules that a snapshot breaks when only the table of 30 days has changed."""
    usual = manifest()
    row_counts = usual.window_row_counts | {"t030": changed.rows if rows is None else rows}
    return find_broken_rules(row_counts, usual.input_counts | {"t030": changed}, earlier)


def with_nulls(nulls: int, zeros: int = 500) -> InputCounts:
    """Return the counts of a table in which only the searches have changed."""
    usual = counts()
    return dataclasses.replace(usual, nulls=usual.nulls | {SEARCHES: nulls}, zeros=usual.zeros | {SEARCHES: zeros})


SEVEN = [manifest()] * 7


def test_first_snapshot_breaks_nothing() -> None:
    assert broken(counts(rows=3, nulls=3), []) == []


@pytest.mark.parametrize(
    ("rows", "level", "limit"),
    [
        (599, Level.ERROR, 600), (600, Level.WARN, 900), (899, Level.WARN, 900), (900, None, None),
        (1250, None, None), (1251, Level.WARN, 1250), (1500, Level.WARN, 1250), (1501, Level.ERROR, 1500),
    ],
)  # fmt: skip
def test_number_of_rows_warns_and_refuses_beyond_its_limits(
    rows: int, level: Level | None, limit: float | None
) -> None:
    found = broken(counts(), SEVEN, rows)

    expected = InputWarning("rows", TABLE, "", rows, limit) if limit else None
    assert [(rule.level, rule.warning) for rule in found] == ([(level, expected)] if level else [])


def test_rows_only_warn_before_five_snapshots() -> None:
    few = EARLIER_SNAPSHOTS_FOR_ROWS - 1
    assert [rule.level for rule in broken(counts(), SEVEN[:few], rows=500)] == [Level.WARN]
    assert [rule.level for rule in broken(counts(), SEVEN[: few + 1], rows=500)] == [Level.ERROR]


def test_manifests_from_before_the_input_checks_are_compared_by_their_rows() -> None:
    older = [dataclasses.replace(manifest(), input_counts={})] * 5

    assert [rule.warning.rule for rule in broken(with_nulls(1000, 0), older, rows=500)] == ["rows"]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (with_nulls(200), []),
        (with_nulls(201), [(Level.WARN, "null_share", SEARCHES, 0.201, 0.2)]),
        (with_nulls(351), [(Level.ERROR, "null_share", SEARCHES, 0.351, 0.35)]),
        (with_nulls(0), []),
        (with_nulls(100, 601), [(Level.WARN, "zero_share", SEARCHES, 0.601, 0.6)]),
        (with_nulls(100, 751), [(Level.ERROR, "zero_share", SEARCHES, 0.751, 0.75)]),
        (with_nulls(100, 249), [(Level.ERROR, "zero_share", SEARCHES, 0.249, 0.25)]),
        (counts(unknown=61), [(Level.WARN, "unknown_segment_share", DOMINANT_SEGMENT.name, 0.061, 0.06)]),
        (counts(unknown=111), [(Level.ERROR, "unknown_segment_share", DOMINANT_SEGMENT.name, 0.111, 0.11)]),
        (counts(unknown=0), []),
    ],
)
def test_share_of_one_column_warns_and_refuses_beyond_its_limits(changed: InputCounts, expected: list[Any]) -> None:
    found = broken(changed, SEVEN[:1])

    described = [(rule.level, rule.warning.rule, rule.warning.column, rule.warning.value) for rule in found]
    assert described == [each[:4] for each in expected]
    assert [rule.warning.limit for rule in found] == pytest.approx([each[4] for each in expected])


def test_one_bad_day_among_the_earlier_ones_does_not_move_the_limits() -> None:
    earlier = [*SEVEN[:6], manifest(counts(rows=500, nulls=500, zeros=0))]

    assert broken(counts(), earlier) == []


def test_small_table_is_not_judged_except_when_it_has_become_small() -> None:
    small = [manifest(counts(rows=MINIMUM_ROWS - 1, nulls=0, zeros=0))] * 7
    assert find_broken_rules({window.value: 5 for window in Window}, manifest().input_counts, small) == []

    found = broken(counts(rows=5, nulls=5, zeros=0), SEVEN)
    assert [(rule.level, rule.warning.rule) for rule in found] == [(Level.ERROR, "rows")]


def test_column_that_the_earlier_snapshots_do_not_have_is_not_compared() -> None:
    usual = counts()
    without = {name: nulls for name, nulls in usual.nulls.items() if name != SEARCHES}
    earlier = [manifest(dataclasses.replace(usual, nulls=without))] * 7

    assert broken(with_nulls(1000), earlier) == []


@given(
    value=st.integers(0, 10_000),
    earlier=st.lists(st.integers(0, 10_000), min_size=1, max_size=7),
    rule=st.sampled_from(RULES),
)
def test_rules_of_level_error_allow_what_rules_of_level_warn_allow(value: int, earlier: list[int], rule: Any) -> None:
    usual = sorted(earlier)[len(earlier) // 2]
    allowed = {level: each for each in RULES if each.measure is rule.measure for level in [each.level]}

    if allowed[Level.WARN].exceeded_limit(value, usual) is None:
        assert allowed[Level.ERROR].exceeded_limit(value, usual) is None


SHARES = st.integers(0, 1000)
TABLES = st.builds(counts, nulls=st.integers(0, 400), zeros=st.integers(0, 600), unknown=st.integers(0, 100))


@given(today=TABLES, earlier=st.lists(TABLES, max_size=7))
def test_order_of_the_earlier_snapshots_does_not_matter(today: InputCounts, earlier: list[InputCounts]) -> None:
    days = [manifest(each) for each in earlier]

    assert broken(today, days) == broken(today, days[::-1])


@given(today=TABLES, days=st.integers(1, 7))
def test_a_day_like_all_days_before_breaks_nothing(today: InputCounts, days: int) -> None:
    same = manifest(today)

    assert find_broken_rules(same.window_row_counts, same.input_counts, [same] * days) == []


@given(today=TABLES, earlier=st.lists(TABLES, min_size=1, max_size=7))
def test_a_broken_rule_states_a_value_beyond_its_limit_and_occurs_once(
    today: InputCounts, earlier: list[InputCounts]
) -> None:
    found = broken(today, [manifest(each) for each in earlier])

    for rule in found:
        value, limit = rule.warning.value, rule.warning.limit
        assert value < limit <= rule.usual or rule.usual <= limit < value
    assert len({(rule.warning.rule, rule.warning.table, rule.warning.column) for rule in found}) == len(found)


def test_refused_snapshot_names_table_column_rule_value_and_limit() -> None:
    with pytest.raises(DataLakeError) as refused:
        refuse_or_warn(broken(with_nulls(1000, 0), SEVEN), "20200203", "")

    message = str(refused.value)
    assert "snapshot 20200203 is refused" in message
    assert f"table {TABLE}, column {SEARCHES}: null_share is 1, beyond the limit 0.35 (usually 0.1)" in message
    assert "zero_share is 0, beyond the limit 0.25 (usually 0.5)" in message
    assert "accept_input" in message
    assert "\n" not in message


def test_refusal_shows_five_broken_rules_and_counts_the_others() -> None:
    with pytest.raises(DataLakeError, match=r"; and 23 more\. Ask") as refused:
        refuse_or_warn(broken(counts(nulls=1000, zeros=500), SEVEN), "20200203", "")

    assert str(refused.value).count("beyond the limit") == 5


def test_accepted_snapshot_keeps_its_broken_rules_as_warnings() -> None:
    found = broken(with_nulls(1000, 500), SEVEN, rows=899)

    assert refuse_or_warn(found, "20200203", "the portal was down") == (
        InputWarning("rows", TABLE, "", 899, 900),
        InputWarning("null_share", TABLE, SEARCHES, 1.0, 0.35),
    )


def test_warnings_do_not_refuse_a_snapshot() -> None:
    assert len(refuse_or_warn(broken(counts(), SEVEN, rows=899), "20200203", "")) == 1


def test_accepted_input_stays_accepted_until_it_changes() -> None:
    accepted = dataclasses.replace(manifest(), accepted_input="the portal was down")
    rows, by_window = accepted.window_row_counts, accepted.input_counts

    assert accepted_before(accepted, rows, by_window) == "the portal was down"
    assert accepted_before(accepted, {**rows, "t030": 999}, by_window) == ""
    assert accepted_before(accepted, rows, {**by_window, "t030": with_nulls(101)}) == ""
    assert accepted_before(manifest(), rows, by_window) == ""
    assert accepted_before(None, rows, by_window) == ""


@pytest.mark.parametrize("reason", ["", "1", "The portal was down (incident 12): a, b; c/d @e #f +g h_i-j.", "a" * 200])
def test_reason_of_plain_text_is_accepted(reason: str) -> None:
    assert parse_accept_reason(reason) == reason


@pytest.mark.parametrize(
    "reason",
    [" ", " a", "-v", "a" * 201, "it's down", 'a "b"', "a`b`", "a$b", "a\nb", "a\n", "a\tb", "a\\b", "a;b|c", "é"],
)
def test_reason_that_a_shell_could_change_is_an_error(reason: str) -> None:
    with pytest.raises(InvalidInputError, match="accept_input must start with a letter or digit"):
        parse_accept_reason(reason)


def test_counts_follow_from_the_profile_and_the_nulls() -> None:
    # Four members; the fourth is missing from the window of 30 days, where the features of the profile are 0.
    position = {name: number for number, name in enumerate(MODEL_FEATURES)}
    rows = [[0.0] * len(MODEL_FEATURES) for _ in range(4)]
    rows[0][position[f"{SEARCHES}_030"]] = 7
    rows[1][position["ldp_dominant_segment_for_sale_030"]] = 1
    nulls = {window: {SEARCHES: 1, DOMINANT_SEGMENT.name: 1} if window is Window.T030 else {} for window in Window}
    present = {window: 3 if window is Window.T030 else 4 for window in Window}

    counted = count_input(present, nulls, profile_rows(rows))["t030"]

    assert (counted.rows, counted.nulls[SEARCHES], counted.zeros[SEARCHES]) == (3, 1, 1)
    assert (counted.nulls["total_shared_searches"], counted.zeros["total_shared_searches"]) == (0, 3)
    assert (counted.nulls[DOMINANT_SEGMENT.name], counted.unknown_segments) == (1, 1)
    assert counted.zeros.keys() == set(NUMBERS)
    assert counted.nulls.keys() == {*NUMBERS, DOMINANT_SEGMENT.name}


def test_every_measure_has_a_rule_of_each_level_and_the_stricter_comes_first() -> None:
    assert [(rule.measure, rule.level) for rule in RULES] == [
        (measure, level) for measure in Measure for level in (Level.ERROR, Level.WARN)
    ]
