"""The labeled set without some members: the same rows in the same order, and a manifest that describes them."""

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence, Set

from buyer_stage.domain.documents import SplitCounts, to_json
from buyer_stage.domain.errors import LabeledSetError
from buyer_stage.domain.labeled_set import (
    SPLIT_FILE_COLUMNS,
    SPLIT_SHARES,
    derive_channels,
    duplicate_members,
    features_of,
    member_of,
    snapshot_date_of,
    split_lines,
)
from buyer_stage.domain.s3_layout import (
    AUTOML_OUTPUT_PREFIX,
    LABELED_SET_FILE,
    LABELED_SET_MANIFEST_KEY,
    with_members_prefix,
)
from emr_steps.split_files import split_file_checksums
from lambdas.common.documents import labeled_set_manifest, load_document
from tools.members.bucket import Bucket, Version

AUTOPILOT_COPIES = ("/preprocessed-data/", "/transformed-data/")
"""Folders in an Autopilot job's output with copies of the channels' rows. Nothing reads them after the job."""


def autopilot_copies(bucket: Bucket) -> Iterator[Version]:
    """Return all versions of Autopilot's copies of the channels."""
    versions = bucket.versions(AUTOML_OUTPUT_PREFIX)
    return (version for version in versions if any(folder in version.key for folder in AUTOPILOT_COPIES))


def rewrite_channels(bucket: Bucket, members: Set[str]) -> int:
    """Write the files without member ids as they will be when the split files no longer have the members.

    They derive from the split files, so these must still be unchanged or already lack the members.

    Returns:
        The number of new objects.

    Raises:
        LabeledSetError: a split file has the columns of another version.
    """
    split_files = _read_split_files(bucket)
    if len(split_files) < len(SPLIT_SHARES):
        return 0  # A build was interrupted. The next one writes all of them again, without the members.
    kept = {split: [line for line in lines if member_of(line) not in members] for split, lines in split_files.items()}
    return sum(
        bucket.write(prefix + LABELED_SET_FILE, "".join(f"{line}\n" for line in lines).encode())
        for prefix, lines in derive_channels(kept).items()
    )


def describe_again(bucket: Bucket) -> bool:
    """Make the manifest describe the present split files, and keep the checksums that name trainings.

    Returns:
        Whether the manifest is new.
    """
    manifest = load_document(bucket.s3, bucket.name, LABELED_SET_MANIFEST_KEY, labeled_set_manifest)
    if manifest is None:
        return False
    split_files = _read_split_files(bucket)
    rows = [line for lines in split_files.values() for line in lines[1:]]
    described = dataclasses.replace(
        manifest,
        snapshot_dates=tuple(sorted({snapshot_date_of(line) for line in rows})),
        duplicate_members=len(duplicate_members((member_of(line), tuple(features_of(line))) for line in rows)),
        splits={split: count_rows(lines[1:]) for split, lines in split_files.items()},
        with_members_sha256=split_file_checksums(split_files),
        training_checksums=manifest.training_checksums or manifest.with_members_sha256,
    )
    return bucket.write(LABELED_SET_MANIFEST_KEY, to_json(described).encode())


def _read_split_files(bucket: Bucket) -> dict[str, list[str]]:
    bodies = {split: bucket.read(with_members_prefix(split) + LABELED_SET_FILE) for split in SPLIT_SHARES}
    split_files = {split: split_lines(body.decode()) for split, body in bodies.items() if body is not None}
    for split, lines in split_files.items():
        if lines[0] != ",".join(SPLIT_FILE_COLUMNS):
            raise LabeledSetError(
                f"{with_members_prefix(split)} has other columns than this version; build the labeled set again, which "
                "leaves out the members, and then forget them again"
            )
    return split_files


def count_rows(rows: Sequence[str]) -> SplitCounts:
    """Return the size of a split.

    Args:
        rows: lines of its split file, without the header.
    """
    stages = Counter(row.rpartition(",")[2] for row in rows)
    return SplitCounts(len(rows), len({member_of(row) for row in rows}), dict(stages))
