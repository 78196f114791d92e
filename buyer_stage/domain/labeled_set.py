"""The labeled set: how members are assigned to splits, how rows are written, and which members are duplicates."""

import csv
import hashlib
import io
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from buyer_stage.domain.features import MEMBER_ID, MODEL_FEATURES, TARGET_COLUMN
from buyer_stage.domain.s3_layout import CHANNEL_PREFIXES, TEST_NO_TARGET_PREFIX
from buyer_stage.domain.stages import Stage

SPLIT_SHARES: dict[str, int] = {"train": 70, "validation": 15, "test": 15}
"""Split -> percentage of the members."""

ANSWER_WINDOW_DAYS = 2
"""Maximum number of days between a snapshot and an answer, as in `sql/labeled_set.sql`."""

ID_COLUMNS: tuple[str, ...] = (MEMBER_ID, "snapshot_date")
"""Columns of a split file that no model sees."""

SPLIT_FILE_COLUMNS: tuple[str, ...] = (*ID_COLUMNS, *MODEL_FEATURES, TARGET_COLUMN)
"""Columns of a split file (`s3_layout.with_members_prefix`), in order. Channels have all but `ID_COLUMNS`."""

MAXIMUM_SHARE_OF_DUPLICATE_MEMBERS = 0.05
"""A higher share means that member ids were reissued or features lost. In the original's study, about 1% of the members
are duplicates by coincidence: they were hardly active."""


class SplitBy(StrEnum):
    """The rule that assigns a new member to a split."""

    STAGE = "stage"
    """At random, with the same shares of every stage: best for comparing models."""
    TIME = "time"
    """By age: train on the oldest members and test on the newest, which is how a model in use meets them."""


@dataclass(frozen=True)
class LabeledRow:
    """The features and the label of one member on one snapshot.

    Attributes:
        member_id: the member.
        snapshot_date: the snapshot.
        features: the values of `MODEL_FEATURES`, in order.
        stage: the label.
    """

    member_id: str
    snapshot_date: date
    features: tuple[int | float, ...]
    stage: Stage


def split_members(rows: Iterable[LabeledRow], assigned_splits: Mapping[str, str], split_by: SplitBy) -> dict[str, str]:
    """Return the split of every member of a labeled set.

    Args:
        rows: the labeled set. A member's latest row counts.
        assigned_splits: member -> split of members whom earlier labeled sets assigned; they stay there.
        split_by: assigns the other members.
    """
    latest: dict[str, LabeledRow] = {}
    for row in rows:
        if row.member_id not in latest or latest[row.member_id].snapshot_date < row.snapshot_date:
            latest[row.member_id] = row
    if split_by is SplitBy.TIME:
        return assign_splits_by_time({member: row.snapshot_date for member, row in latest.items()}, assigned_splits)
    return assign_splits({member: row.stage for member, row in latest.items()}, assigned_splits)


def assign_splits(stage_by_member: Mapping[str, Stage], assigned_splits: Mapping[str, str]) -> dict[str, str]:
    """Assign the members of each stage to the splits by their shares, in an order independent of the members.

    Args:
        stage_by_member: all members of the labeled set.
        assigned_splits: member -> split of members who keep their split; members outside the labeled set are ignored.

    Returns:
        Member -> split. Unless earlier assignments prevent it, each split holds its share of each stage within less
        than one member.
    """
    splits = {member: assigned_splits[member] for member in stage_by_member if member in assigned_splits}
    for stage in Stage:
        members = [member for member, label in stage_by_member.items() if label is stage]
        counts = Counter(splits[member] for member in members if member in splits)
        for member in sorted((member for member in members if member not in splits), key=_digest):
            # Comparing percentages times members avoids rounding.
            split = max(SPLIT_SHARES, key=lambda name: SPLIT_SHARES[name] * len(members) - 100 * counts[name])
            splits[member] = split
            counts[split] += 1
    return splits


def assign_splits_by_time(last_day_by_member: Mapping[str, date], assigned_splits: Mapping[str, str]) -> dict[str, str]:
    """Fill the splits in order, oldest members first.

    Args:
        last_day_by_member: member -> the member's last snapshot.
        assigned_splits: as in `assign_splits`. The order by age holds among new members.

    Returns:
        Member -> split.
    """
    splits = {member: assigned_splits[member] for member in last_day_by_member if member in assigned_splits}
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


def duplicate_members(rows: Iterable[tuple[str, tuple[float, ...]]]) -> set[str]:
    """Return the members with a row that equals another member's row in every feature, on any snapshots.

    Rows without any activity, where all features are 0, do not count: members who did nothing are equal, but they are
    not duplicates.

    Args:
        rows: member id and features of each row.
    """
    members_by_features: dict[tuple[float, ...], set[str]] = defaultdict(set)
    for member, features in rows:
        if any(features):
            members_by_features[features].add(member)
    return {member for members in members_by_features.values() if len(members) > 1 for member in members}


def split_file_lines(rows: Iterable[LabeledRow]) -> list[str]:
    """Return the lines of a split file: CSV with header, sorted by member and snapshot, without line ends."""
    lines = [",".join(SPLIT_FILE_COLUMNS)]
    for row in sorted(rows, key=lambda row: (row.member_id, row.snapshot_date)):
        text = io.StringIO()
        values = (row.member_id, row.snapshot_date.isoformat(), *row.features, row.stage.value)
        csv.writer(text, lineterminator="").writerow(values)
        lines.append(text.getvalue())
    return lines


def split_lines(text: str) -> list[str]:
    """Return the lines of a split file or a channel, with or without a final line end."""
    return text.removesuffix("\n").split("\n")


def channel_line(line: str) -> str:
    """Return a line of a split file, or its header, without `ID_COLUMNS`."""
    # From the right, because an id can contain commas; features and stages cannot.
    return ",".join(line.rsplit(",", _CHANNEL_COLUMNS)[1:])


def derive_channels(split_files: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Return the lines of every file without member ids, each in the order of its split file.

    Args:
        split_files: split -> lines of its split file, with header.

    Returns:
        Prefix -> lines of the only file that it holds.
    """
    files = {CHANNEL_PREFIXES[split]: [channel_line(line) for line in lines] for split, lines in split_files.items()}
    files[TEST_NO_TARGET_PREFIX] = [line.rpartition(",")[0] for line in files[CHANNEL_PREFIXES["test"]][1:]]
    return files


def features_of(line: str) -> list[float]:
    """Return the values of `MODEL_FEATURES` in a line of a split file."""
    return [float(value) for value in channel_line(line).split(",")[:-1]]


def member_of(line: str) -> str:
    """Return the member id in a line of a split file."""
    return next(csv.reader([line.rsplit(",", _CHANNEL_COLUMNS)[0]]))[0]


def snapshot_date_of(line: str) -> date:
    """Return the snapshot date in a line of a split file."""
    return date.fromisoformat(line.rsplit(",", _CHANNEL_COLUMNS)[0].rpartition(",")[2])


_CHANNEL_COLUMNS = len(SPLIT_FILE_COLUMNS) - len(ID_COLUMNS)


def _digest(member_id: str) -> str:
    return hashlib.sha256(member_id.encode()).hexdigest()
