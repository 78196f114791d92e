"""Splits have their shares of every stage, keep their members, and are written in a fixed form."""

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
    duplicate_members,
    features_of,
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
def test_every_member_has_a_split_and_every_stage_is_within_one_member_of_its_shares(
    stage_by_member: dict[str, Stage],
) -> None:
    splits = assign_splits(stage_by_member, {})
    assert splits.keys() == stage_by_member.keys()
    for stage in Stage:
        members = [member for member, chosen in stage_by_member.items() if chosen is stage]
        counts = Counter(splits[member] for member in members)
        for split, percent in SPLIT_SHARES.items():
            assert abs(counts[split] - len(members) * percent / 100) < 1


@given(all_members=STAGES, data=st.data())
def test_members_keep_their_split_when_others_are_added(all_members: dict[str, Stage], data: st.DataObject) -> None:
    members = st.sets(st.sampled_from(sorted(all_members))) if all_members else st.just(set[str]())
    first = {member: all_members[member] for member in data.draw(members)}
    earlier = assign_splits(first, {})

    later = assign_splits(all_members, earlier)

    assert later.keys() == all_members.keys()
    assert {member: later[member] for member in first} == earlier
    for stage in Stage:
        chosen = [member for member in all_members if all_members[member] is stage]
        counts = Counter(later[member] for member in chosen)
        for split, percent in SPLIT_SHARES.items():
            assert abs(counts[split] - len(chosen) * percent / 100) < 2


def test_splits_of_many_members_have_exact_shares() -> None:
    splits = assign_splits({f"m{number}": Stage.DREAMER for number in range(1000)}, {})
    assert Counter(splits.values()) == {"train": 700, "validation": 150, "test": 150}


def test_order_of_the_members_does_not_matter() -> None:
    stages = {f"m{number}": list(Stage)[number % 4] for number in range(99)}
    assert assign_splits(stages, {}) == assign_splits(dict(reversed(stages.items())), {})


def test_split_of_a_member_does_not_change_between_versions() -> None:
    splits = assign_splits({f"m{number}": Stage.DREAMER for number in range(10)}, {})
    assert [splits[f"m{number}"] for number in range(10)] == [
        "validation", "test", "train", "train", "train", "validation", "train", "train", "train", "train",
    ]  # fmt: skip


@given(last_days=LAST_DAYS)
def test_by_time_earlier_splits_have_older_members(last_days: dict[str, date]) -> None:
    splits = assign_splits_by_time(last_days, {})
    assert splits.keys() == last_days.keys()
    days = {name: [last_days[member] for member in splits if splits[member] == name] for name in SPLIT_SHARES}
    for earlier, later in (("train", "validation"), ("validation", "test"), ("train", "test")):
        assert not days[earlier] or not days[later] or max(days[earlier]) <= min(days[later])
    for name, percent in SPLIT_SHARES.items():
        assert abs(len(days[name]) - len(last_days) * percent / 100) <= 1


@given(all_members=LAST_DAYS, data=st.data())
def test_by_time_members_keep_their_split_too(all_members: dict[str, date], data: st.DataObject) -> None:
    splits = st.sampled_from(list(SPLIT_SHARES))
    earlier = {member: data.draw(splits) for member in all_members if data.draw(st.booleans())}
    later = assign_splits_by_time(all_members, earlier)
    assert later.keys() == all_members.keys()
    assert {member: later[member] for member in earlier} == earlier


def test_by_time_splits_have_exact_quotas() -> None:
    days = {f"m{number:03}": FEBRUARY + timedelta(days=number) for number in range(100)}
    splits = assign_splits_by_time(days, {})
    assert [splits[member] for member in days] == ["train"] * 70 + ["validation"] * 15 + ["test"] * 15


@pytest.mark.parametrize("split_by", SplitBy)
def test_all_rows_of_a_member_are_in_one_split_and_the_latest_row_counts(split_by: SplitBy) -> None:
    old = [row(f"m{number}", day=1) for number in range(80)]
    new = [row(f"n{number}", day=day) for number in range(20) for day in (9, 1)]
    splits = split_members([*old, *new], {"m0": "test", "gone": "train"}, split_by)

    assert len(splits) == 100
    assert splits["m0"] == "test"
    if split_by is SplitBy.TIME:
        assert {splits[f"n{number}"] for number in range(20)} == {"validation", "test"}


def test_label_of_the_last_snapshot_decides() -> None:
    rows = [
        row(f"m{number}", day, stage)
        for number in range(20)
        for day, stage in ((5, Stage.DREAMER), (1, list(Stage)[number % 4]))
    ]
    assert Counter(split_members(rows, {}, SplitBy.STAGE).values()) == {"train": 14, "validation": 3, "test": 3}


def test_members_with_an_equal_row_are_duplicates_on_any_snapshots() -> None:
    rows = [("m1", (1, 0.5)), ("m1", (1, 0.5)), ("m2", (1, 0.5)), ("m2", (2, 0)), ("m3", (1, 0)), ("m4", (2.0, 0.0))]
    assert duplicate_members(rows) == {"m1", "m2", "m4"}
    assert duplicate_members([("m1", (1,)), ("m1", (1,))]) == set()


def test_idle_members_are_not_duplicates() -> None:
    active = [(f"m{number}", (number, 0)) for number in range(1, 95)]
    idle = [(f"idle{number}", (0, 0.0)) for number in range(6)]
    assert duplicate_members([*active, *idle]) == set()


def test_split_file_is_sorted_has_a_header_and_keeps_every_character_of_an_id() -> None:
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
    assert features_of(lines[2]) == [0.1] * len(MODEL_FEATURES)


@pytest.mark.parametrize("text", ["a\nb\n", "a\nb"])
def test_last_line_counts_with_and_without_a_line_end(text: str) -> None:
    assert split_lines(text) == ["a", "b"]
