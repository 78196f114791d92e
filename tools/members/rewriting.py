"""Copies of data files without the rows of some members, in every format that the pipelines write."""

import csv
import json
from collections.abc import Callable, Set
from dataclasses import dataclass
from typing import BinaryIO

import pyarrow.compute
import pyarrow.parquet

from buyer_stage.domain.errors import BuyerStageError
from buyer_stage.domain.features import MEMBER_ID
from buyer_stage.domain.s3_layout import ASSIGNED_SPLITS_KEY, ATHENA_RESULTS_PREFIX, PART_FILE_PREFIX
from buyer_stage.domain.transform_output import OUTPUT_FILE_SUFFIX

BATCH_ROWS = 65_536
"""Rows of a Parquet file that are in memory at once."""


class UnknownFormatError(BuyerStageError):
    """A part file has a format that no copy here knows, so that members could stay in it unseen."""


@dataclass(frozen=True)
class Rows:
    """How many rows a copy has, and how many it leaves out."""

    kept: int
    removed: int


Copy = Callable[[BinaryIO, BinaryIO, Set[str]], Rows]
"""Copies the first file to the second one without the rows of the members."""


def find_copy(key: str) -> Copy | None:
    """Return what copies the object with a key, or None if the object has no rows of members.

    Raises:
        UnknownFormatError: it is a part file of an unknown format.
    """
    if key == ASSIGNED_SPLITS_KEY:
        return copy_json_object
    if key.startswith(ATHENA_RESULTS_PREFIX):
        return copy_lines_without_ids
    name = key.rpartition("/")[2]
    if not name.startswith(PART_FILE_PREFIX):
        return None
    for suffix, copy in _COPIES.items():
        if name.endswith(suffix):
            return copy
    raise UnknownFormatError(f"{key} is a part file of an unknown format; add the format to tools/members/rewriting.py")


def copy_csv(source: BinaryIO, target: BinaryIO, members: Set[str]) -> Rows:
    """Copy CSV lines whose first column is the member id, with or without a header."""
    encoded = {member.encode() for member in members}

    def names_a_member(line: bytes) -> bool:
        if line.startswith(b'"'):
            return next(csv.reader([line.decode().rstrip("\n")]))[0] in members
        return line.rstrip(b"\n").partition(b",")[0] in encoded

    return _copy_lines(source, target, names_a_member)


def copy_refused_lines(source: BinaryIO, target: BinaryIO, members: Set[str]) -> Rows:
    """Copy the quarantine's JSON lines. A line can be damaged, so an id anywhere in it is enough to leave it out."""

    def names_a_member(line: bytes) -> bool:
        refused = json.loads(line)["line"]
        return any(member in refused for member in members)

    return _copy_lines(source, target, names_a_member)


def copy_lines_without_ids(source: BinaryIO, target: BinaryIO, members: Set[str]) -> Rows:
    """Copy the lines of a file of any format. An id anywhere in a line is enough to leave it out."""
    encoded = [member.encode() for member in members]
    return _copy_lines(source, target, lambda line: any(member in line for member in encoded))


def copy_parquet(source: BinaryIO, target: BinaryIO, members: Set[str]) -> Rows:
    """Copy a Parquet file with a member id column."""
    file = pyarrow.parquet.ParquetFile(source)
    unwanted = pyarrow.array(sorted(members), pyarrow.string())
    kept = 0
    with pyarrow.parquet.ParquetWriter(target, file.schema_arrow) as writer:
        for batch in file.iter_batches(BATCH_ROWS):
            rest = batch.filter(pyarrow.compute.invert(pyarrow.compute.is_in(batch[MEMBER_ID], unwanted)))
            writer.write_batch(rest)
            kept += rest.num_rows
    return Rows(kept, file.metadata.num_rows - kept)


def copy_json_object(source: BinaryIO, target: BinaryIO, members: Set[str]) -> Rows:
    """Copy a JSON object of member -> value."""
    values = json.load(source)
    kept = {member: value for member, value in values.items() if member not in members}
    target.write(json.dumps(kept, indent=0, sort_keys=True).encode())
    return Rows(len(kept), len(values) - len(kept))


def _copy_lines(source: BinaryIO, target: BinaryIO, is_unwanted: Callable[[bytes], bool]) -> Rows:
    kept = removed = 0
    for line in source:
        if is_unwanted(line):
            removed += 1
        else:
            target.write(line)
            kept += 1
    return Rows(kept, removed)


_COPIES: dict[str, Copy] = {
    ".txt": copy_csv,  # features, which Spark writes as text
    ".csv": copy_csv,
    OUTPUT_FILE_SUFFIX: copy_csv,
    ".parquet": copy_parquet,
    ".json": copy_refused_lines,
}
"""End of a part file's name -> what copies it."""
