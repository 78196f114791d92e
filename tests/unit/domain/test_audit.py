"""Which days are held, and what the receipt says about each rule."""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buyer_stage.domain.audit import (
    SNAPSHOT_DATE_RULE,
    AuditLimits,
    RuleResult,
    ScoredDay,
    audit,
    is_held,
    parse_limits,
)
from buyer_stage.domain.errors import InvalidInputError
from buyer_stage.domain.stages import Stage

LIMITS = AuditLimits(-0.1, 0.25, 0.25, 0.5, 0.45, 0.6, 0.001, 10)


def stages(*counts: int) -> dict[str, int]:
    return dict(zip([stage.value for stage in Stage], counts, strict=True))


BEFORE = ScoredDay(date(2020, 1, 1), "model-1", stages(4000, 3000, 2000, 1000))
DAY = replace(BEFORE, snapshot_date=date(2020, 1, 2))


def broken(
    day: ScoredDay = DAY,
    before: ScoredDay | None = BEFORE,
    live_date: date | None = BEFORE.snapshot_date,
    *,
    flip_rate: float | None = 0.04,
    read: int = 10_000,
    quarantined: int = 0,
) -> list[str]:
    results = audit(day, before, live_date, LIMITS, flip_rate=flip_rate, read=read, quarantined=quarantined)
    assert len(results) == len({result.rule for result in results}) == 5
    return [result.rule for result in results if result.is_broken()]


def of_size(share: float) -> ScoredDay:
    return replace(DAY, stages={stage: round(count * share) for stage, count in BEFORE.stages.items()})


def test_ordinary_day_breaks_no_rule() -> None:
    assert broken() == []


@pytest.mark.parametrize(
    ("share", "is_broken"), [(0.5, True), (0.89, True), (0.91, False), (1.24, False), (1.26, True)]
)
def test_number_of_members_can_change_within_limits(share: float, is_broken: bool) -> None:
    assert broken(of_size(share)) == (["change in scored members"] if is_broken else [])


def test_stage_mix_has_more_room_on_a_new_models_first_day() -> None:
    day = replace(DAY, stages=stages(2000, 2500, 2500, 3000))
    assert broken(day) == ["stage mix PSI"]
    assert broken(replace(day, model_version="model-2")) == []
    assert broken(replace(day, model_version="model-2", stages=stages(1500, 2000, 2500, 4000))) == ["stage mix PSI"]


def test_few_members_can_differ_by_chance() -> None:
    before, day = replace(BEFORE, stages=stages(5, 3, 2, 0)), replace(DAY, stages=stages(3, 3, 2, 2))
    assert broken(day, before) == []


def test_flip_rate_has_more_room_on_a_new_models_first_day() -> None:
    assert broken(flip_rate=0.46) == ["flip rate"]
    assert broken(replace(DAY, model_version="model-2"), flip_rate=0.46) == []
    assert broken(replace(DAY, model_version="model-2"), flip_rate=0.61) == ["flip rate"]


@pytest.mark.parametrize(
    ("read", "quarantined", "is_broken"),
    [(100, 10, False), (100, 11, True), (1_000_000, 1000, False), (1_000_000, 1001, True)],
)
def test_some_lines_can_be_quarantined(read: int, quarantined: int, is_broken: bool) -> None:
    assert broken(read=read, quarantined=quarantined) == (["quarantined lines"] if is_broken else [])


def test_day_before_the_live_one_is_held_whatever_the_reason() -> None:
    live_date = date(2020, 1, 3)
    assert broken(live_date=live_date) == [SNAPSHOT_DATE_RULE]
    assert broken(live_date=DAY.snapshot_date) == [], "a day can be pushed again"
    results = audit(DAY, BEFORE, live_date, LIMITS, flip_rate=None, read=1, quarantined=0)
    assert is_held(results, "please")


def test_reason_serves_a_day_that_breaks_other_rules() -> None:
    results = audit(of_size(0.5), BEFORE, BEFORE.snapshot_date, LIMITS, flip_rate=0.9, read=1, quarantined=0)
    assert is_held(results, None)
    assert not is_held(results, "the lake lost half of them")


@given(counts=st.lists(st.integers(0, 10_000), min_size=4, max_size=4), quarantined=st.integers(0, 20))
def test_first_day_is_only_judged_by_its_quarantine(counts: list[int], quarantined: int) -> None:
    day = replace(DAY, stages=stages(*counts))
    found = broken(day, None, None, flip_rate=None, read=sum(counts) + quarantined, quarantined=quarantined)
    assert found == (["quarantined lines"] if quarantined > max(10, 0.001 * (sum(counts) + quarantined)) else [])


@given(
    then=st.lists(st.integers(0, 500), min_size=4, max_size=4),
    now=st.lists(st.integers(0, 500), min_size=4, max_size=4),
)
def test_every_day_is_judged(then: list[int], now: list[int]) -> None:
    broken(replace(DAY, stages=stages(*now)), replace(BEFORE, stages=stages(*then)), flip_rate=None)


def test_result_is_described_for_people() -> None:
    assert RuleResult("flip rate", 0.5, None, 0.45).describe() == "flip rate: 0.5, allowed at most 0.45"
    assert RuleResult("change", -0.5, -0.1, 0.25).describe() == "change: -0.5, allowed -0.1 to 0.25"
    assert RuleResult("change", None, -0.1, 0.25).describe() == "change: nothing to compare, allowed -0.1 to 0.25"


def test_limits_are_read_from_json() -> None:
    assert parse_limits(json.dumps(asdict(LIMITS))) == LIMITS


@pytest.mark.parametrize(
    "limits", [{}, {**asdict(LIMITS), "other": 1}, {**asdict(LIMITS), "flip_rate": "high"}, [1], None]
)
def test_impossible_limits_are_an_error(limits: Mapping[str, object] | None) -> None:
    with pytest.raises(InvalidInputError, match="a number for each of flip_rate"):
        parse_limits(json.dumps(limits))
