"""Splits have their shares of every stage, keep who they have, and are written in one way."""

from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buyer_stage.domain.features import MODEL_FEATURES
from buyer_stage.domain.labeled_set import (
    SPLIT_FILE_COLUMNS,
    SPLIT_SHARES,
    LabeledRow,
    SplitBy,
    assign_splits,
    assign_splits_by_time,
    channel_line,
    count_duplicate_members,
    member_of,
    split_file_lines,
    split_lines,
    split_members,
)
from buyer_stage.domain.stages import Stage

FEBRUARY = date(2020, 2, 1)
STAGES = st.dictionaries(st.text(min_size=1), st.sampled_from(Stage), max_size=200)
LAST_DAYS = st.dictionaries(
    st.text(min_size=1), st.integers(0, 9).map(lambda n: FEBRUARY + timedelta(days=n)), max_size=100
)


def row(member_id: str, day: int = 1, stage: Stage = Stage.DREAMER, value: float = 0.0) -> LabeledRow:
    return LabeledRow(member_id, FEBRUARY.replace(day=day), tuple(value for _ in MODEL_FEATURES), stage)


@given(stage_by_member=STAGES)
def test_every_member_is_placed_and_every_stage_is_within_one_member_of_its_shares(
    stage_by_member: dict[str, Stage],
) -> None:
    splits = assign_splits(stage_by_member, {})
    assert splits.keys() == stage_by_member.keys()
    for stage in Stage:
        members = [member for member, chosen in stage_by_member.items() if chosen is stage]
        counts = Counter(splits[member] for member in members)
        for split, percent in SPLIT_SHARES.items():
            assert abs(counts[split] - len(members) * percent / 100) < 1


@given(everyone=STAGES, data=st.data())
def test_members_stay_where_they_are_when_others_are_added(everyone: dict[str, Stage], data: st.DataObject) -> None:
    members = st.sets(st.sampled_from(sorted(everyone))) if everyone else st.just(set[str]())
    first = {member: everyone[member] for member in data.draw(members)}
    earlier = assign_splits(first, {})

    later = assign_splits(everyone, earlier)

    assert later.keys() == everyone.keys()
    assert {member: later[member] for member in first} == earlier
    for stage in Stage:
        chosen = [member for member in everyone if everyone[member] is stage]
        counts = Counter(later[member] for member in chosen)
        for split, percent in SPLIT_SHARES.items():
            assert abs(counts[split] - len(chosen) * percent / 100) < 2


def test_order_of_the_members_decides_nothing() -> None:
    stages = {f"m{number}": list(Stage)[number % 4] for number in range(99)}
    assert assign_splits(stages, {}) == assign_splits(dict(reversed(stages.items())), {})


def test_split_of_a_member_does_not_change_between_versions() -> None:
    splits = assign_splits({f"m{number}": Stage.DREAMER for number in range(10)}, {})
    assert [splits[f"m{number}"] for number in range(10)] == [
        "validation", "test", "train", "train", "train", "validation", "train", "train", "train", "train",
    ]  # fmt: skip


@given(last_days=LAST_DAYS)
def test_by_time_nobody_in_training_is_newer_than_one_in_validation_or_test(last_days: dict[str, date]) -> None:
    splits = assign_splits_by_time(last_days, {})
    assert splits.keys() == last_days.keys()
    days = {name: [last_days[member] for member in splits if splits[member] == name] for name in SPLIT_SHARES}
    for earlier, later in (("train", "validation"), ("validation", "test"), ("train", "test")):
        assert not days[earlier] or not days[later] or max(days[earlier]) <= min(days[later])
    for name, percent in SPLIT_SHARES.items():
        assert abs(len(days[name]) - len(last_days) * percent / 100) <= 1


@given(everyone=LAST_DAYS, data=st.data())
def test_by_time_members_stay_where_they_are_as_well(everyone: dict[str, date], data: st.DataObject) -> None:
    splits = st.sampled_from(list(SPLIT_SHARES))
    earlier = {member: data.draw(splits) for member in everyone if data.draw(st.booleans())}
    later = assign_splits_by_time(everyone, earlier)
    assert later.keys() == everyone.keys()
    assert {member: later[member] for member in earlier} == earlier


@pytest.mark.parametrize("split_by", SplitBy)
def test_members_rows_of_all_days_are_in_one_split_and_the_last_one_counts(split_by: SplitBy) -> None:
    old = [row(f"m{number}", day=1) for number in range(80)]
    new = [row(f"n{number}", day=day) for number in range(20) for day in (9, 1)]
    splits = split_members([*old, *new], {"m0": "test", "gone": "train"}, split_by)

    assert len(splits) == 100
    assert splits["m0"] == "test"
    if split_by is SplitBy.TIME:
        assert {splits[f"n{number}"] for number in range(20)} == {"validation", "test"}


def test_stage_of_the_last_snapshot_decides() -> None:
    rows = [
        row(f"m{number}", day, stage)
        for number in range(20)
        for day, stage in ((5, Stage.DREAMER), (1, list(Stage)[number % 4]))
    ]
    assert Counter(split_members(rows, {}, SplitBy.STAGE).values()) == {"train": 14, "validation": 3, "test": 3}


def test_members_are_alike_when_a_row_equals_anothers_in_every_feature() -> None:
    rows = [row("m1", 1), row("m1", 2), row("m2", 9), row("m3", value=1.0), row("m4", value=2.0), row("m4", value=2.0)]
    assert count_duplicate_members(rows) == 2
    assert count_duplicate_members([row("m1", 1), row("m1", 2)]) == 0


def test_record_is_sorted_has_a_header_and_keeps_every_character_of_an_id() -> None:
    lines = split_file_lines([row("m2"), row('a,"b é', 2, Stage.READY_TO_TRANSACT, 0.1), row('a,"b é', 1, value=1e-7)])
    assert lines[0] == ",".join(SPLIT_FILE_COLUMNS)
    assert [line[:24] for line in lines[1:]] == [
        '"a,""b é",2020-02-01,1e-',
        '"a,""b é",2020-02-02,0.1',
        "m2,2020-02-01,0.0,0.0,0.",
    ]
    assert [member_of(line) for line in lines[1:]] == ['a,"b é', 'a,"b é', "m2"]
    assert channel_line(lines[0]) == ",".join([*MODEL_FEATURES, "buyer_stage"])
    assert channel_line(lines[2]) == ",".join(["0.1"] * len(MODEL_FEATURES) + ["Ready To Transact"])


@pytest.mark.parametrize("text", ["a\nb\n", "a\nb"])
def test_last_line_counts_with_and_without_its_end(text: str) -> None:
    assert split_lines(text) == ["a", "b"]
