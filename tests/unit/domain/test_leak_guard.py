"""Members in a wrong split are counted, in split files and channels, and never identified."""

from collections.abc import Callable
from datetime import date

import pytest

from buyer_stage.domain.errors import LabeledSetError
from buyer_stage.domain.features import MODEL_FEATURES
from buyer_stage.domain.labeled_set import LabeledRow, channel_line, split_file_lines
from buyer_stage.domain.leak_guard import require_disjoint_members, require_intact_splits
from buyer_stage.domain.stages import Stage

MEMBERS = {"train": ["m1", "m2", 'a,"b'], "validation": ["m3"], "test": ["m4"]}
ASSIGNED_SPLITS = {member: split for split, members in MEMBERS.items() for member in members}
Lines = dict[str, list[str]]


def labeled_rows(member_id: str, value: int) -> list[LabeledRow]:
    """Return a member's rows on two days."""
    features = tuple(value for _ in MODEL_FEATURES)
    return [LabeledRow(member_id, date(2020, 2, day), features, Stage.DREAMER) for day in (3, 4)]


@pytest.fixture
def split_files() -> Lines:
    values = {member: number for number, member in enumerate(ASSIGNED_SPLITS)}
    return {
        split: split_file_lines(row for member in members for row in labeled_rows(member, values[member]))
        for split, members in MEMBERS.items()
    }


@pytest.fixture
def channels(split_files: Lines) -> Lines:
    return {split: [channel_line(line) for line in lines] for split, lines in split_files.items()}


def test_members_in_one_split_pass_with_any_number_of_rows() -> None:
    require_disjoint_members({"train": ["m1", "m2", "m1"], "validation": ["m3"], "test": iter(["m4", "m4"])})


def test_members_in_several_splits_are_counted_once_each_by_their_splits() -> None:
    with pytest.raises(
        LabeledSetError,
        match=r"^members in more than one split: 3 \(train and test: 2, train and validation and test: 1\)\.",
    ):
        require_disjoint_members(
            {"train": ["m1", "m2", "m4", "m5"], "validation": ["m1", "m3"], "test": ["m4", "m4", "m1", "m5"]}
        )


def test_message_holds_no_member_id() -> None:
    with pytest.raises(LabeledSetError) as caught:
        require_disjoint_members({"train": ["member-1", "member-2"], "test": ["member-1"]})
    assert "member-" not in str(caught.value)


def test_channel_is_the_split_file_without_ids_even_if_an_id_has_a_comma(split_files: Lines, channels: Lines) -> None:
    assert split_files["train"][1].startswith('"a,""b",2020-02-03,2,2,')
    assert channels["train"][1] == ",".join(["2"] * len(MODEL_FEATURES) + ["Dreamer"])


def test_intact_splits_pass(split_files: Lines, channels: Lines) -> None:
    require_intact_splits(split_files, channels, ASSIGNED_SPLITS)


@pytest.mark.parametrize("number", [1, 3, 6])
def test_row_moved_to_another_channel_is_one_member(split_files: Lines, channels: Lines, number: int) -> None:
    channels["validation"].append(channels["train"].pop(number))
    with pytest.raises(LabeledSetError, match=r"^members in the channel of another split: 1 \(validation: 1\)\."):
        require_intact_splits(split_files, channels, ASSIGNED_SPLITS)


def test_row_copied_to_another_channel_is_one_member(split_files: Lines, channels: Lines) -> None:
    channels["train"].append(channels["test"][1])
    with pytest.raises(LabeledSetError, match=r"^members in the channel of another split: 1 \(train: 1\)\."):
        require_intact_splits(split_files, channels, ASSIGNED_SPLITS)


def test_duplicate_members_in_different_splits_are_not_a_leak(split_files: Lines) -> None:
    split_files["validation"] = split_file_lines([*labeled_rows("m3", 0), *labeled_rows("m5", 9)])
    channels = {split: [channel_line(line) for line in lines] for split, lines in split_files.items()}
    require_intact_splits(split_files, channels, ASSIGNED_SPLITS | {"m5": "validation"})


def test_row_moved_to_another_split_file_is_one_member(split_files: Lines, channels: Lines) -> None:
    split_files["validation"].append(split_files["train"].pop(-1))
    with pytest.raises(LabeledSetError, match=r"^members in more than one split: 1 \(train and validation: 1\)\."):
        require_intact_splits(split_files, channels, ASSIGNED_SPLITS)


@pytest.mark.parametrize("of", ["split files and channels", "split files"])
def test_members_moved_with_all_their_rows_are_outside_their_assigned_split(
    split_files: Lines, channels: Lines, of: str
) -> None:
    for files in (split_files, channels) if of == "split files and channels" else (split_files,):
        files["validation"] += files["train"][-4:]
        del files["train"][-4:]
    with pytest.raises(LabeledSetError, match=r"^members outside their assigned split: 2 \(validation: 2\)\."):
        require_intact_splits(split_files, channels, ASSIGNED_SPLITS)


@pytest.mark.parametrize(
    ("file", "split", "damage", "message"),
    [
        ("channel", "test", lambda lines: lines.pop(), "the channel of test is not its split file"),
        ("channel", "test", lambda lines: lines.reverse(), "the channel of test is not its split file"),
        ("split file", "train", lambda lines: lines.pop(0), "split file of train does not have the 158 columns"),
        ("split file", "train", lambda lines: lines.clear(), "split file of train does not have the 158 columns"),
        ("split file", "train", lambda lines: lines.insert(2, "m1,x"), "line 3 of the split file of train is damaged"),
        (
            "split file",
            "train",
            lambda lines: lines.insert(1, lines[1].rpartition(",")[0].replace('"a,""b"', "m1")),
            "line 2 of the split file of train is damaged",
        ),
    ],
)
def test_damage_is_an_error_that_names_file_and_line(
    split_files: Lines, channels: Lines, file: str, split: str, damage: Callable[[list[str]], object], message: str
) -> None:
    damage({"split file": split_files, "channel": channels}[file][split])
    with pytest.raises(LabeledSetError, match=message):
        require_intact_splits(split_files, channels, ASSIGNED_SPLITS)
