"""Reject a labeled set in which a member is in more than one split.

A model would be judged by members that it has learned from.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from buyer_stage.domain.errors import LabeledSetError
from buyer_stage.domain.labeled_set import SPLIT_FILE_COLUMNS, channel_line, member_of


def require_disjoint_members(members_by_split: Mapping[str, Iterable[str]]) -> None:
    """Raise an error when splits share members.

    Args:
        members_by_split: split -> member ids, in any order; a member can occur several times in one split.

    Raises:
        LabeledSetError: a member is in more than one split; the message counts such members and names the splits.
    """
    splits_by_member: dict[str, list[str]] = defaultdict(list)
    for split, members in members_by_split.items():
        for member in set(members):
            splits_by_member[member].append(split)
    _reject(
        {member: " and ".join(splits) for member, splits in splits_by_member.items() if len(splits) > 1},
        "in more than one split",
    )


def require_intact_splits(
    split_files: Mapping[str, Sequence[str]],
    channels: Mapping[str, Sequence[str]],
    assigned_splits: Mapping[str, str],
) -> None:
    """Raise an error when a row of a split file or a channel is not in the split that its member is assigned to.

    Args:
        split_files: split -> lines of its split file (`s3_layout.with_members_prefix`), with header.
        channels: split -> lines of its channel, with header: the lines of the split file without ids, in order.
        assigned_splits: member -> split, of all members that were ever assigned.

    Raises:
        LabeledSetError: a file is damaged, or a member is in a wrong split; the message counts such members and names
            the splits.
    """
    for split, lines in split_files.items():
        _require_split_file(split, lines)
    members = {split: [member_of(line) for line in lines[1:]] for split, lines in split_files.items()}
    require_disjoint_members(members)
    _reject(
        {member: split for split, ids in members.items() for member in ids if assigned_splits.get(member) != split},
        "outside their assigned split",
    )
    expected = {split: [channel_line(line) for line in lines] for split, lines in split_files.items()}
    _reject(_members_in_other_channels(members, expected, channels), "in the channel of another split")
    for split, lines in expected.items():
        if list(channels[split]) != lines:
            raise LabeledSetError(
                f"the channel of {split} is not its split file without ids; build the labeled set again"
            )


def _members_in_other_channels(
    members: Mapping[str, Sequence[str]], expected: Mapping[str, Sequence[str]], channels: Mapping[str, Sequence[str]]
) -> dict[str, str]:
    owners = {split: dict(zip(lines[1:], members[split], strict=True)) for split, lines in expected.items()}
    # Duplicate members have equal lines, so lines are counted: only surplus lines come from another split.
    return {
        owners[other][line]: split
        for split, lines in channels.items()
        for line in Counter(lines) - Counter(expected[split])
        for other in owners
        if other != split and line in owners[other]
    }


def _require_split_file(split: str, lines: Sequence[str]) -> None:
    if not lines or lines[0] != ",".join(SPLIT_FILE_COLUMNS):
        raise LabeledSetError(
            f"the split file of {split} does not have the {len(SPLIT_FILE_COLUMNS)} columns of this version; build the "
            "labeled set again"
        )
    for number, line in enumerate(lines[1:], start=2):
        if line.count(",") < len(SPLIT_FILE_COLUMNS) - 1:
            raise LabeledSetError(f"line {number} of the split file of {split} is damaged; build the labeled set again")


def _reject(splits_by_member: Mapping[str, str], problem: str) -> None:
    if splits_by_member:
        counts = ", ".join(f"{split}: {count}" for split, count in sorted(Counter(splits_by_member.values()).items()))
        raise LabeledSetError(
            f"members {problem}: {len(splits_by_member)} ({counts}). A model would be judged by members that it has "
            "learned from; restore the files, or delete the labeled set and build it again"
        )
