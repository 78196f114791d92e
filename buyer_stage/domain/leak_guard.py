"""Refuses data in which a member crosses from one split to another: a model would be judged on members it knows."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from buyer_stage.domain.errors import LabeledSetError
from buyer_stage.domain.labeled_set import SPLIT_FILE_COLUMNS, channel_line, member_of

MEMBERS_NAMED = 3
"""How many members a message names: enough to look one up, few enough for an e-mail."""


def require_disjoint_members(members_by_split: Mapping[str, Iterable[str]]) -> None:
    """Refuse splits that share members.

    Args:
        members_by_split: split -> member ids, in any order; a member may occur often within one split.

    Raises:
        LabeledSetError: a member is in more than one split; the message says how many are, and names a few.
    """
    splits = Counter(member for members in members_by_split.values() for member in set(members))
    crossing = {member for member, count in splits.items() if count > 1}
    _refuse(crossing, f"in more than one of {', '.join(members_by_split)}")


def require_intact_splits(
    records: Mapping[str, Sequence[str]], channels: Mapping[str, Sequence[str]], placed: Mapping[str, str]
) -> None:
    """Refuse splits of which a row is not where its member belongs, in a record or in a channel.

    Args:
        records: split -> lines of its record (`s3_layout.with_members_prefix`), with header.
        channels: split -> lines of its channel, with header: those of the record without the ids, in order.
        placed: member -> split, of everyone who was ever placed.

    Raises:
        LabeledSetError: members cross, and the message says how many and names a few; or a file is damaged.
    """
    for split, lines in records.items():
        _require_record(split, lines)
    members = {split: [member_of(line) for line in lines[1:]] for split, lines in records.items()}
    require_disjoint_members(members)
    _refuse(
        {member for split, ids in members.items() for member in ids if placed.get(member) != split},
        "not in the split that they were placed in",
    )
    visible = {split: [channel_line(line) for line in lines] for split, lines in records.items()}
    _refuse(_members_in_other_channels(members, visible, channels), "in the channel of another split")
    for split, lines in visible.items():
        if list(channels[split]) != lines:
            raise LabeledSetError(f"the channel of {split} is not its record without ids; build the labeled set again")


def _members_in_other_channels(
    members: Mapping[str, Sequence[str]], visible: Mapping[str, Sequence[str]], channels: Mapping[str, Sequence[str]]
) -> set[str]:
    owners = {split: dict(zip(lines[1:], members[split], strict=True)) for split, lines in visible.items()}
    # Rows of different members may be alike, so rows are counted: only what a channel has too much has come from afar.
    return {
        owners[other][line]
        for split, lines in channels.items()
        for line in Counter(lines) - Counter(visible[split])
        for other in owners
        if other != split and line in owners[other]
    }


def _require_record(split: str, lines: Sequence[str]) -> None:
    if not lines or lines[0] != ",".join(SPLIT_FILE_COLUMNS):
        raise LabeledSetError(f"the record of {split} has not the {len(SPLIT_FILE_COLUMNS)} columns of this version")
    for number, line in enumerate(lines[1:], start=2):
        if line.count(",") < len(SPLIT_FILE_COLUMNS) - 1:
            raise LabeledSetError(f"line {number} of the record of {split} is damaged; build the labeled set again")


def _refuse(crossing: set[str], where: str) -> None:
    if crossing:
        named = ", ".join(sorted(crossing)[:MEMBERS_NAMED])
        raise LabeledSetError(
            f"members {where}: {len(crossing)}, such as {named}. A model would be judged on members that it knows; put "
            "the files back as they were, or delete the labeled set and build it again"
        )
