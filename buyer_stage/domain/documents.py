"""The JSON documents that the parts of the pipeline exchange in S3.

Each document is a frozen dataclass. Readers validate it with `pydantic.TypeAdapter`, writers use `to_json`.
"""

import dataclasses
import json
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


@dataclass(frozen=True)
class InputCounts:
    """What a window's table holds on a snapshot, without the rows of suppressed members.

    Attributes:
        rows: rows, one per member.
        nulls: source column -> values that are null or NaN.
        zeros: source column with numbers -> values that are 0 or less.
        unknown_segments: values of the dominant segment that are neither null nor known.
    """

    rows: int
    nulls: dict[str, int]
    zeros: dict[str, int]
    unknown_segments: int


@dataclass(frozen=True)
class InputWarning:
    """A rule of `input_checks` that a snapshot breaks, and that did not stop it.

    Attributes:
        rule: `input_checks.Measure` that the rule limits.
        table: table of the data lake.
        column: column of the table; empty when the rule is about the whole table.
        value: what was measured.
        limit: what the rule allowed at most or at least, on that day.
    """

    rule: str
    table: str
    column: str
    value: float
    limit: float


@dataclass(frozen=True)
class FeatureManifest:
    """A description of a snapshot's feature part files, written after the last of them.

    Attributes:
        schema_version: `features.FEATURE_SCHEMA_VERSION` of the writer.
        snapshot_date: the day that the features describe.
        row_count: rows in all part files, one per member.
        window_row_counts: window (`t001` ...) -> rows in the data lake.
        column_checksum: `features.column_checksum` of the written columns.
        rows_checksum: identifies the values of all rows, whatever their order and the part file they are in.
        part_files: names of the part files, sorted.
        suppressed_members: members of the data lake whom the suppression list leaves out; `row_count` excludes them.
        input_counts: window -> what its table holds, for later snapshots to compare with. Empty in manifests that do
            not know the input checks.
        input_warnings: the rules that the snapshot breaks.
        accepted_input: why a person accepted the snapshot, whatever it breaks; empty if none did.
    """

    schema_version: int
    snapshot_date: date
    row_count: int
    window_row_counts: dict[str, int]
    column_checksum: str
    rows_checksum: str
    part_files: tuple[str, ...]
    suppressed_members: int = 0
    input_counts: dict[str, InputCounts] = field(default_factory=dict)
    input_warnings: tuple[InputWarning, ...] = ()
    accepted_input: str = ""


@dataclass(frozen=True)
class FeatureProfile:
    """The distribution of each feature's values.

    Attributes:
        rows: number of rows counted.
        upper_bounds: inclusive upper bounds of all bins but the last: `feature_bins.UPPER_BOUNDS` of the writer.
        counts: feature -> rows in each bin, which add up to `rows`.
    """

    rows: int
    upper_bounds: tuple[int, ...]
    counts: dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class FeatureValidation:
    """Proof that a snapshot's features equal the SQL definition, written only when every value does.

    Attributes:
        snapshot_date: the day that the features describe.
        row_count: number of rows compared.
        manifest_sha256: SHA-256 (hex) of the manifest's bytes; the validation does not cover features written later.
    """

    snapshot_date: date
    row_count: int
    manifest_sha256: str


@dataclass(frozen=True)
class SplitCounts:
    """The size of one split of the labeled set.

    Attributes:
        rows: number of rows, one per member and snapshot.
        members: number of distinct members.
        stages: stage -> rows.
    """

    rows: int
    members: int
    stages: dict[str, int]


@dataclass(frozen=True)
class LabeledSetManifest:
    """A description of the labeled set, written after its last file.

    Attributes:
        column_checksum: `features.column_checksum` of the model's features.
        snapshot_dates: days of the feature rows, in order.
        split_by: `labeled_set.SplitBy`, which decided the split of new members.
        answers: number of answers in the survey.
        rows_with_unknown_label: rows left out because the answers near them do not match a stage.
        rows_with_conflicting_answers: rows left out because the member's answers for the day assign several stages.
        rows_after_answer: rows left out because they are later than the answer and would reveal the future.
        duplicate_members: members that `labeled_set.duplicate_members` finds.
        members_kept: members who stay in the split that an earlier labeled set assigned.
        splits: `train`, `validation` and `test` -> counts. Each member is in one split only.
        with_members_sha256: split -> SHA-256 (hex) of its split file, which identifies the data that a model was
            trained on.
        suppressed_answers: answers of suppressed members, which are left out.
        training_checksums: split -> checksum that names trainings: `with_members_sha256` of the split before any of its
            members was forgotten. Empty in manifests that do not know suppression.
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
    suppressed_answers: int = 0
    training_checksums: dict[str, str] = field(default_factory=dict)

    def name_training(self, split: str) -> str:
        """Return the checksum of a split that names trainings, so that forgetting members does not start one."""
        return self.training_checksums.get(split, self.with_members_sha256[split])


@dataclass(frozen=True)
class Erased:
    """What was removed below one prefix of the pipeline bucket.

    Attributes:
        objects: objects that were written again without the members' rows, or with documents that describe the rest.
        versions: versions that were deleted.
        rows: rows of the members in the versions that were deleted.
    """

    objects: int = 0
    versions: int = 0
    rows: int = 0

    def __add__(self, other: "Erased") -> "Erased":
        return Erased(self.objects + other.objects, self.versions + other.versions, self.rows + other.rows)


@dataclass(frozen=True)
class ErasureReceipt:
    """An account of one `make forget-members`. An interrupted run leaves none; the next one accounts for the rest.

    Attributes:
        ended_at: when it ended.
        members: members to forget.
        suppressed_members: members on the suppression list since then.
        items_deleted: items deleted from the table.
        erased: prefix -> what was removed.
        remains: what can still hold the members -> until which day, or who decides.
        models: versions of the registered models, each of which can have learned from them; empty if none of them was
            ever in the labeled set.
    """

    ended_at: datetime
    members: int
    suppressed_members: int
    items_deleted: int
    erased: dict[str, Erased]
    remains: dict[str, str]
    models: tuple[str, ...]


def to_json(document: "DataclassInstance") -> str:
    """Return a document as indented JSON with sorted keys, so that equal documents have equal bytes."""

    def plain(value: object) -> object:
        if isinstance(value, date | datetime):
            return value.isoformat()
        if isinstance(value, Enum):
            return value.value
        raise TypeError(f"a document cannot hold a value of type {type(value).__name__}")

    return json.dumps(dataclasses.asdict(document), default=plain, indent=2, sort_keys=True) + "\n"
