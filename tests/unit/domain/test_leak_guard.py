"""Members stay in their split, in records and in channels, and those who do not are counted."""

from collections.abc import Callable
from datetime import date

import pytest

from buyer_stage.domain.errors import LabeledSetError
from buyer_stage.domain.features import MODEL_FEATURES
from buyer_stage.domain.labeled_set import LabeledRow, channel_line, member_of, split_file_lines
from buyer_stage.domain.leak_guard import require_disjoint_members, require_intact_splits
from buyer_stage.domain.stages import Stage

MEMBERS = {"train": ["m1", "m2", 'a,"b'], "validation": ["m3"], "test": ["m4"]}
PLACED = {member: split for split, members in MEMBERS.items() for member in members}
Lines = dict[str, list[str]]


def labeled_rows(member_id: str, value: int) -> list[LabeledRow]:
    """A member's rows of two days."""
    features = tuple(value for _ in MODEL_FEATURES)
    return [LabeledRow(member_id, date(2020, 2, day), features, Stage.DREAMER) for day in (3, 4)]


@pytest.fixture
def records() -> Lines:
    values = {member: number for number, member in enumerate(PLACED)}
    return {
        split: split_file_lines(row for member in members for row in labeled_rows(member, values[member]))
        for split, members in MEMBERS.items()
    }


@pytest.fixture
def channels(records: Lines) -> Lines:
    return {split: [channel_line(line) for line in lines] for split, lines in records.items()}


def test_members_who_stay_in_their_split_pass_however_often_they_occur() -> None:
    require_disjoint_members({"train": ["m1", "m2", "m1"], "validation": ["m3"], "test": iter(["m4", "m4"])})


def test_members_in_two_splits_are_counted_once_each_and_named() -> None:
    with pytest.raises(
        LabeledSetError, match=r"members in more than one of train, validation, test: 2, such as m1, m4\."
    ):
        require_disjoint_members({"train": ["m1", "m2", "m4"], "validation": ["m1", "m3"], "test": ["m4", "m4", "m1"]})


def test_only_a_few_of_many_members_are_named() -> None:
    members = [f"m{number}" for number in range(9)]
    with pytest.raises(LabeledSetError, match=r": 9, such as m0, m1, m2\."):
        require_disjoint_members({"train": members, "test": members})


def test_channel_is_the_record_without_the_ids_even_of_an_id_with_a_comma(records: Lines, channels: Lines) -> None:
    assert records["train"][1].startswith('"a,""b",2020-02-03,2,2,')
    assert channels["train"][1] == ",".join(["2"] * len(MODEL_FEATURES) + ["Dreamer"])


def test_intact_splits_pass(records: Lines, channels: Lines) -> None:
    require_intact_splits(records, channels, PLACED)


@pytest.mark.parametrize("number", [1, 3, 6])
def test_row_moved_to_another_channel_is_one_member_who_crosses(records: Lines, channels: Lines, number: int) -> None:
    member = member_of(records["train"][number])
    channels["validation"].append(channels["train"].pop(number))
    with pytest.raises(LabeledSetError, match=f"members in the channel of another split: 1, such as {member}"):
        require_intact_splits(records, channels, PLACED)


def test_row_copied_to_another_channel_is_one_member_who_crosses(records: Lines, channels: Lines) -> None:
    channels["train"].append(channels["test"][1])
    with pytest.raises(LabeledSetError, match="members in the channel of another split: 1, such as m4"):
        require_intact_splits(records, channels, PLACED)


def test_member_who_is_alike_one_of_another_split_does_not_cross(records: Lines) -> None:
    records["validation"] = split_file_lines([*labeled_rows("m3", 0), *labeled_rows("m5", 9)])
    channels = {split: [channel_line(line) for line in lines] for split, lines in records.items()}
    require_intact_splits(records, channels, PLACED | {"m5": "validation"})


def test_row_moved_in_the_record_is_one_member_who_crosses(records: Lines, channels: Lines) -> None:
    records["validation"].append(records["train"].pop(-1))
    with pytest.raises(LabeledSetError, match="members in more than one of train, validation, test: 1, such as m2"):
        require_intact_splits(records, channels, PLACED)


@pytest.mark.parametrize("of", ["records and channels", "records"])
def test_members_moved_with_all_their_rows_are_not_where_they_were_placed(
    records: Lines, channels: Lines, of: str
) -> None:
    for files in (records, channels) if of == "records and channels" else (records,):
        files["validation"] += files["train"][-4:]
        del files["train"][-4:]
    with pytest.raises(LabeledSetError, match="members not in the split that they were placed in: 2, such as m1, m2"):
        require_intact_splits(records, channels, PLACED)


@pytest.mark.parametrize(
    ("file", "split", "damage", "said"),
    [
        ("channel", "test", lambda lines: lines.pop(), "the channel of test is not its record"),
        ("channel", "test", lambda lines: lines.reverse(), "the channel of test is not its record"),
        ("record", "train", lambda lines: lines.pop(0), "the record of train has not the 158 columns"),
        ("record", "train", lambda lines: lines.clear(), "the record of train has not the 158 columns"),
        ("record", "train", lambda lines: lines.insert(2, "m1,x"), "line 3 of the record of train is damaged"),
    ],
)
def test_damage_is_named(
    records: Lines, channels: Lines, file: str, split: str, damage: Callable[[list[str]], object], said: str
) -> None:
    damage({"record": records, "channel": channels}[file][split])
    with pytest.raises(LabeledSetError, match=said):
        require_intact_splits(records, channels, PLACED)
