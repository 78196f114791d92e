"""The JSON documents that parts of the pipeline leave for each other in S3.

Each is a frozen dataclass; readers at the edge check what comes in with `pydantic.TypeAdapter`, writers use `to_json`.
"""

import dataclasses
import json
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


@dataclass(frozen=True)
class FeatureManifest:
    """Describes a snapshot's feature part files; written after the last of them.

    Attributes:
        schema_version: `features.FEATURE_SCHEMA_VERSION` of the writer.
        snapshot_date: the day that the features describe.
        row_count: rows in all part files: one per member.
        window_row_counts: window (`t001` ...) -> rows that the data lake held.
        column_checksum: `features.column_checksum` of the columns written.
        part_files: names of the part files, sorted.
    """

    schema_version: int
    snapshot_date: date
    row_count: int
    window_row_counts: dict[str, int]
    column_checksum: str
    part_files: tuple[str, ...]


@dataclass(frozen=True)
class FeatureProfile:
    """How the values of each feature are spread.

    Attributes:
        rows: rows counted.
        upper_bounds: of all bins but the last, inclusive: `feature_bins.UPPER_BOUNDS` of the writer.
        counts: feature -> rows in each bin; they add up to `rows`.
    """

    rows: int
    upper_bounds: tuple[int, ...]
    counts: dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class FeatureValidation:
    """Says that a snapshot's features equal the SQL definition; written only when every value does.

    Attributes:
        snapshot_date: the day that the features describe.
        row_count: rows compared.
        value_count: values compared, rows times columns.
        manifest_sha256: SHA-256 (hex) of the manifest's bytes: features written later are not validated by it.
    """

    snapshot_date: date
    row_count: int
    value_count: int
    manifest_sha256: str


@dataclass(frozen=True)
class SplitCounts:
    """Size of one split of the labeled set.

    Attributes:
        rows: one per member and snapshot.
        members: distinct members.
        stages: stage -> rows.
    """

    rows: int
    members: int
    stages: dict[str, int]


@dataclass(frozen=True)
class LabeledSetManifest:
    """Describes the labeled set; written after its last file.

    Attributes:
        column_checksum: of the model's features, in order.
        snapshot_dates: the days that features were taken from, in order.
        split_by: `labeled_set.SplitBy`: what decided the split of new members.
        answers: rows of the survey.
        rows_with_unknown_label: left out, the answers near them name no stage.
        rows_with_conflicting_answers: left out, their member named more than one stage for the same day.
        rows_after_answer: left out, because they lie after the answer and would tell the future.
        duplicate_members: members of whom a row equals another member's in every feature.
        members_kept: members who are in the split where an earlier labeled set has placed them.
        splits: `train`, `validation` and `test` -> counts. No member is in two.
        with_members_sha256: split -> SHA-256 (hex) of its record's bytes: names the data that a model was made from.
    """

    column_checksum: str
    snapshot_dates: tuple[date, ...]
    split_by: str
    answers: int
    rows_with_unknown_label: int
    rows_with_conflicting_answers: int
    rows_after_answer: int
    duplicate_members: int
    members_kept: int
    splits: dict[str, SplitCounts]
    with_members_sha256: dict[str, str]


@dataclass(frozen=True)
class StageChanges:
    """How the stages that a push serves differ from those that were served before.

    Attributes:
        previous_snapshot_date: of the stages before; None when there are none that the table could still hold.
        previous_members: members who had a stage then.
        transitions: stage then -> stage now -> members who had one then and have one now.
        held: members who keep a stage though the model names another one (`stage_changes.next_served_stage`).
    """

    previous_snapshot_date: date | None
    previous_members: int
    transitions: dict[str, dict[str, int]]
    held: int

    def flip_rate(self) -> float | None:
        """Share of the members with a stage then and now whose stage has changed; None when there are no such."""
        members = sum(sum(now.values()) for now in self.transitions.values())
        unchanged = sum(now[then] for then, now in self.transitions.items())
        return (members - unchanged) / members if members else None


@dataclass(frozen=True)
class PushReceipt:
    """Accounts for every record of one push to DynamoDB: `read == written + quarantined + failed`.

    Attributes:
        snapshot_date: the day that the stages describe.
        read: records found in the transform's output.
        written: items that DynamoDB has accepted.
        quarantined: records refused, each kept with the reason.
        failed: records that DynamoDB did not accept after all retries.
        stages: stage -> records that were to be written; those of all stages add up to `written + failed`.
        predicted_stages: stage -> records of which the model named it: others than `stages` where a change waits.
        changes: how these stages differ from those served before.
    """

    snapshot_date: date
    read: int
    written: int
    quarantined: int
    failed: int
    stages: dict[str, int]
    predicted_stages: dict[str, int]
    changes: StageChanges


def to_json(document: "DataclassInstance") -> str:
    """Write a document as indented JSON with sorted keys, so that equal documents are equal bytes."""

    def plain(value: object) -> object:
        if isinstance(value, date | datetime):
            return value.isoformat()
        if isinstance(value, Enum):
            return value.value
        raise TypeError(f"{type(value).__name__} has no place in a document")

    return json.dumps(dataclasses.asdict(document), default=plain, indent=2, sort_keys=True) + "\n"
