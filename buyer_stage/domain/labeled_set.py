"""How labeled members are split, how their rows are written, and how alike rows of different members may be."""

import csv
import hashlib
import io
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from buyer_stage.domain.features import MEMBER_ID, MODEL_FEATURES, TARGET_COLUMN
from buyer_stage.domain.stages import Stage

SPLIT_SHARES: dict[str, int] = {"train": 70, "validation": 15, "test": 15}
"""Split -> percent of the members."""

ANSWER_WINDOW_DAYS = 2
"""How many days a snapshot may be from an answer, as `sql/labeled_set.sql` has it."""

ID_COLUMNS: tuple[str, ...] = (MEMBER_ID, "snapshot_date")
"""Who and when: the columns of a record that no model sees."""

SPLIT_FILE_COLUMNS: tuple[str, ...] = (*ID_COLUMNS, *MODEL_FEATURES, TARGET_COLUMN)
"""Columns of a split's record (`s3_layout.with_members_prefix`), in order. Channels have all but `ID_COLUMNS`."""

MAXIMUM_SHARE_OF_DUPLICATE_MEMBERS = 0.05
"""Above this, ids were re-issued or features lost. Of the members of the original's study about 1% are alike, and they
are innocent: people who hardly did anything did the same. Five times that is no coincidence."""


class SplitBy(StrEnum):
    """What decides the split of a new member."""

    STAGE = "stage"
    """Chance, with each stage in the same shares: the split that compares models best."""
    TIME = "time"
    """Age: the oldest members train and the newest test, as a model in use meets them."""


@dataclass(frozen=True)
class LabeledRow:
    """One member on one snapshot.

    Attributes:
        member_id: who.
        snapshot_date: when.
        features: the values of `MODEL_FEATURES`, in order.
        stage: what the member answered.
    """

    member_id: str
    snapshot_date: date
    features: tuple[int | float, ...]
    stage: Stage


def split_members(rows: Iterable[LabeledRow], placed: Mapping[str, str], split_by: SplitBy) -> dict[str, str]:
    """Give the split of every member of a labeled set.

    Args:
        rows: the labeled set.
        placed: member -> split of members whom earlier labeled sets placed; they stay there.
        split_by: decides about the others.
    """
    latest: dict[str, LabeledRow] = {}
    for row in rows:
        if row.member_id not in latest or latest[row.member_id].snapshot_date < row.snapshot_date:
            latest[row.member_id] = row
    if split_by is SplitBy.TIME:
        return assign_splits_by_time({member: row.snapshot_date for member, row in latest.items()}, placed)
    return assign_splits({member: row.stage for member, row in latest.items()}, placed)


def assign_splits(stage_by_member: Mapping[str, Stage], frozen: Mapping[str, str]) -> dict[str, str]:
    """Deal the members of each stage to the splits by their shares, in an order that has nothing to do with them.

    Args:
        stage_by_member: everyone of the labeled set.
        frozen: member -> split of members who stay where they are; others than the labeled set's are ignored.

    Returns:
        Member -> split. Where no frozen member stands in the way, each split holds its share of each stage, give or
        take less than one member.
    """
    splits = {member: frozen[member] for member in stage_by_member if member in frozen}
    for stage in Stage:
        members = [member for member, chosen in stage_by_member.items() if chosen is stage]
        counts = Counter(splits[member] for member in members if member in splits)
        for member in sorted((member for member in members if member not in splits), key=_digest):
            # Percent times members, so that no rounding decides.
            split = max(SPLIT_SHARES, key=lambda name: SPLIT_SHARES[name] * len(members) - 100 * counts[name])
            splits[member] = split
            counts[split] += 1
    return splits


def assign_splits_by_time(last_day_by_member: Mapping[str, date], frozen: Mapping[str, str]) -> dict[str, str]:
    """Fill the splits in their order, oldest members first.

    Args:
        last_day_by_member: member -> the last snapshot of the member.
        frozen: as for `assign_splits`: among those who are new, the newest test.

    Returns:
        Member -> split.
    """
    splits = {member: frozen[member] for member in last_day_by_member if member in frozen}
    quotas: dict[str, int] = {}
    percent = 0
    for split, share in SPLIT_SHARES.items():
        percent += share
        quotas[split] = len(last_day_by_member) * percent // 100 - sum(quotas.values())
    counts = Counter(splits.values())
    new = (member for member in last_day_by_member if member not in splits)
    for member in sorted(new, key=lambda member: (last_day_by_member[member], _digest(member))):
        split = next(name for name, quota in quotas.items() if counts[name] < quota)
        splits[member] = split
        counts[split] += 1
    return splits


def count_duplicate_members(rows: Iterable[LabeledRow]) -> int:
    """Count the members of whom a row equals another member's in every feature, on whatever days."""
    members: dict[tuple[int | float, ...], set[str]] = defaultdict(set)
    for row in rows:
        members[row.features].add(row.member_id)
    return len({member for alike in members.values() if len(alike) > 1 for member in alike})


def split_file_lines(rows: Iterable[LabeledRow]) -> list[str]:
    """Write rows as the lines of a record: CSV with header, sorted by member and snapshot, without line ends."""
    lines = [",".join(SPLIT_FILE_COLUMNS)]
    for row in sorted(rows, key=lambda row: (row.member_id, row.snapshot_date)):
        text = io.StringIO()
        values = (row.member_id, row.snapshot_date.isoformat(), *row.features, row.stage.value)
        csv.writer(text, lineterminator="").writerow(values)
        lines.append(text.getvalue())
    return lines


def split_lines(text: str) -> list[str]:
    """Give the lines of a record or a channel, the last one too where its end is missing."""
    return text.removesuffix("\n").split("\n")


def channel_line(line: str) -> str:
    """Give a record's line, or its header, without `ID_COLUMNS`: what models see."""
    # From the right, because an id may hold commas; features and stages do not.
    return ",".join(line.rsplit(",", _VISIBLE_COLUMNS)[1:])


def features_of(line: str) -> list[float]:
    """Give the values of `MODEL_FEATURES` of a record's line."""
    return [float(value) for value in channel_line(line).split(",")[:-1]]


def member_of(line: str) -> str:
    """Give the member of a record's line."""
    return next(csv.reader([line.rsplit(",", _VISIBLE_COLUMNS)[0]]))[0]


_VISIBLE_COLUMNS = len(SPLIT_FILE_COLUMNS) - len(ID_COLUMNS)


def _digest(member_id: str) -> str:
    return hashlib.sha256(member_id.encode()).hexdigest()
