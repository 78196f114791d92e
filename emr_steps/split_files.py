"""The labeled set's files in the pipeline bucket: assigned splits, split files and channels."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence

from pyspark.sql import SparkSession

from buyer_stage.domain.labeled_set import (
    SPLIT_SHARES,
    LabeledRow,
    derive_channels,
    member_of,
    split_file_lines,
    split_lines,
)
from buyer_stage.domain.leak_guard import require_intact_splits
from buyer_stage.domain.s3_layout import (
    ASSIGNED_SPLITS_KEY,
    CHANNEL_PREFIXES,
    LABELED_SET_FILE,
    LABELED_SET_MANIFEST_KEY,
    with_members_prefix,
)
from buyer_stage.spark.files import delete, exists, join_uri, list_file_names, read_text, write_text
from buyer_stage.spark.suppression import SuppressedMembers

SplitFiles = Mapping[str, Sequence[str]]
"""Split -> lines of its split file, header included, without line ends."""


def read_assigned_splits(spark: SparkSession, pipeline_bucket: str) -> dict[str, str]:
    """Read the split of every member of earlier labeled sets.

    Returns:
        Member -> split. Empty before the first labeled set.
    """
    uri = join_uri(pipeline_bucket, ASSIGNED_SPLITS_KEY)
    assigned_splits: dict[str, str] = json.loads(read_text(spark, uri)) if exists(spark, uri) else {}
    return assigned_splits


def write_assigned_splits(spark: SparkSession, pipeline_bucket: str, assigned_splits: Mapping[str, str]) -> None:
    """Write the split of every member, and replace an earlier file."""
    text = json.dumps(assigned_splits, indent=0, sort_keys=True)
    write_text(spark, join_uri(pipeline_bucket, ASSIGNED_SPLITS_KEY), text)


def format_split_files(rows: Iterable[LabeledRow], assigned_splits: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the lines of every split file.

    Args:
        rows: the labeled set.
        assigned_splits: member -> split, for every member of the rows.
    """
    by_split: dict[str, list[LabeledRow]] = {split: [] for split in SPLIT_SHARES}
    for row in rows:
        by_split[assigned_splits[row.member_id]].append(row)
    return {split: split_file_lines(of_split) for split, of_split in by_split.items()}


def split_file_checksums(split_files: SplitFiles) -> dict[str, str]:
    """Return split -> SHA-256 (hex) of its split file's bytes."""
    return {split: hashlib.sha256(_text(lines).encode()).hexdigest() for split, lines in split_files.items()}


def read_training_checksums(
    spark: SparkSession, pipeline_bucket: str, suppressed: SuppressedMembers
) -> dict[tuple[str, str], str]:
    """Read which checksums name the trainings on the current labeled set, in case the next one differs by suppression.

    Returns:
        Split and checksum of its split file without suppressed members -> `LabeledSetManifest.training_checksums`.
        Empty without a usable labeled set, which the next one replaces.
    """
    uri = join_uri(pipeline_bucket, LABELED_SET_MANIFEST_KEY)
    try:
        manifest = json.loads(read_text(spark, uri)) if exists(spark, uri) else {}
    except ValueError:
        manifest = {}
    names = manifest.get("training_checksums") or manifest.get("with_members_sha256", {})
    files = {split: join_uri(pipeline_bucket, with_members_prefix(split) + LABELED_SET_FILE) for split in names}
    kept = {
        split: [line for line in split_lines(read_text(spark, file)) if not suppressed.contains(member_of(line))]
        for split, file in files.items()
        if exists(spark, file)
    }
    return {(split, checksum): names[split] for split, checksum in split_file_checksums(kept).items()}


def write_split_files(spark: SparkSession, pipeline_bucket: str, split_files: SplitFiles) -> None:
    """Write the split files and their channels, and delete everything else in these folders."""
    files: dict[str, Sequence[str]] = {with_members_prefix(split): lines for split, lines in split_files.items()}
    files.update(derive_channels(split_files))
    for prefix, lines in files.items():
        delete(spark, join_uri(pipeline_bucket, prefix))
        write_text(spark, join_uri(pipeline_bucket, prefix + LABELED_SET_FILE), _text(lines))


def require_intact_files(spark: SparkSession, pipeline_bucket: str, assigned_splits: Mapping[str, str]) -> None:
    """Check the files that are in the bucket now, not the lines that were meant to be written.

    Raises:
        LabeledSetError: as for `require_intact_splits`.
    """

    def read_lines(prefix: str) -> list[str]:
        folder = join_uri(pipeline_bucket, prefix)
        names = list_file_names(spark, folder)
        return [line for name in names for line in split_lines(read_text(spark, join_uri(folder, name)))]

    require_intact_splits(
        {split: read_lines(with_members_prefix(split)) for split in SPLIT_SHARES},
        {split: read_lines(prefix) for split, prefix in CHANNEL_PREFIXES.items()},
        assigned_splits,
    )


def _text(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
