"""The documents that describe a snapshot's features, computed again from the part files."""

import dataclasses
import hashlib
import tempfile
from collections import Counter
from collections.abc import Iterator
from typing import BinaryIO, cast

import numpy as np
import pyarrow
import pyarrow.csv
import xxhash
from pydantic import TypeAdapter
from pyspark.sql.types import DoubleType

from buyer_stage.domain.documents import FeatureManifest, FeatureProfile, FeatureValidation, to_json
from buyer_stage.domain.feature_bins import BIN_COUNT, UPPER_BOUNDS
from buyer_stage.domain.features import MEMBER_ID, MODEL_FEATURES, OUTPUT_COLUMNS, column_checksum
from buyer_stage.domain.s3_layout import MANIFEST_FILE, PART_FILE_PREFIX, PROFILE_FILE, VALIDATION_FILE
from emr_steps.feature_files import FEATURE_SCHEMA
from lambdas.common.documents import load_document, parse_document
from tools.members.bucket import Bucket
from tools.terraform_layout import layout

PREFIX = layout()["features"]
"""The folder above the folders of all snapshots."""

SPARK_SEED = 42
"""Where Spark's `xxhash64` starts."""


def describe_again(bucket: Bucket, folder: str, row_count: int) -> bool:
    """Make manifest, profile and validation of a snapshot describe its present part files.

    A pure function of the part files, so that it can be interrupted and repeated. The manifest comes last. Until then,
    it does not match the part files, and readers refuse it. Documents of other columns than these, which every reader
    refuses, stay as they are.

    Args:
        bucket: the pipeline bucket.
        folder: prefix of the snapshot.
        row_count: rows of the part files. If the manifest states as many, the documents are already right.

    Returns:
        Whether the documents are new.
    """
    manifest_key, validation_key = folder + MANIFEST_FILE, folder + VALIDATION_FILE
    body = bucket.read(manifest_key)
    if body is None:
        return False
    manifest = parse_document(TypeAdapter(FeatureManifest), body, manifest_key)
    if manifest.row_count == row_count or manifest.column_checksum != column_checksum(OUTPUT_COLUMNS):
        return False
    part_files, checksum, counts, rows = [], 0, {name: Counter[int]() for name in MODEL_FEATURES}, 0
    for name, file in _part_files(bucket, folder):
        part_files.append(name)
        checksum += checksum_lines(file)
        for batch in read_batches(file):
            rows += batch.num_rows
            for feature in MODEL_FEATURES:
                counts[feature].update(np.searchsorted(UPPER_BOUNDS, batch[feature].to_numpy()).tolist())
    described = dataclasses.replace(
        manifest,
        row_count=rows,
        rows_checksum=str(checksum),
        part_files=tuple(sorted(part_files)),
        suppressed_members=manifest.suppressed_members + manifest.row_count - rows,
    )
    bins = {feature: tuple(counted[number] for number in range(BIN_COUNT)) for feature, counted in counts.items()}
    bucket.write(folder + PROFILE_FILE, to_json(FeatureProfile(rows, UPPER_BOUNDS, bins)).encode())
    text = to_json(described).encode()
    validation = load_document(bucket.s3, bucket.name, validation_key, TypeAdapter(FeatureValidation))
    # The rest of the compared rows still equals the SQL definition. An interrupted run can have written it already.
    if validation is not None and validation.manifest_sha256 in {_sha256(body), _sha256(text)}:
        validation = dataclasses.replace(validation, row_count=rows, manifest_sha256=_sha256(text))
        bucket.write(validation_key, to_json(validation).encode())
    return bucket.write(manifest_key, text)


def checksum_lines(file: BinaryIO) -> int:
    """Return what the lines of a part file add to the checksum of all rows: Spark's `xxhash64`, as signed numbers.

    No member id contains a line break.
    """
    hashes = (xxhash.xxh64_intdigest(line.rstrip(b"\n"), SPARK_SEED) for line in file)
    return sum(number - (number >> 63 << 64) for number in hashes)


def read_batches(file: BinaryIO) -> Iterator[pyarrow.RecordBatch]:
    """Read the rows of a part file in batches."""
    file.seek(0)
    if not file.read(1):
        return  # pyarrow refuses an empty file.
    file.seek(0)
    types = {
        field.name: pyarrow.float64() if isinstance(field.dataType, DoubleType) else pyarrow.int64()
        for field in FEATURE_SCHEMA.fields
    } | {MEMBER_ID: pyarrow.string()}
    yield from pyarrow.csv.open_csv(
        file,
        pyarrow.csv.ReadOptions(column_names=list(OUTPUT_COLUMNS)),
        convert_options=pyarrow.csv.ConvertOptions(column_types=types),
    )


def _part_files(bucket: Bucket, folder: str) -> Iterator[tuple[str, BinaryIO]]:
    """Return each part file's name and content, open until the next one."""
    for version in bucket.versions(folder + PART_FILE_PREFIX):
        if version.is_latest:
            with tempfile.TemporaryFile() as file:
                bucket.download(version, cast(BinaryIO, file))
                yield version.key.removeprefix(folder), cast(BinaryIO, file)


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
