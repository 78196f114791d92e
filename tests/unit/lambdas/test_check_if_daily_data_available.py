"""Scoring starts only on complete, validated features."""

import dataclasses
import hashlib
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from buyer_stage.domain.documents import FeatureManifest, FeatureValidation, to_json
from buyer_stage.domain.errors import InvalidInputError, InvalidManifestError
from buyer_stage.domain.features import FEATURE_SCHEMA_VERSION, OUTPUT_COLUMNS, column_checksum
from lambdas.check_if_daily_data_available.handler import handler

DAY = date(2020, 1, 30)
FOLDER = "inputs/2020/01/30/"
MANIFEST = FeatureManifest(
    schema_version=FEATURE_SCHEMA_VERSION,
    snapshot_date=DAY,
    row_count=3,
    window_row_counts={"t001": 1, "t007": 2, "t030": 3, "t060": 3, "t090": 3},
    column_checksum=column_checksum(OUTPUT_COLUMNS),
    rows_checksum="-123",
    part_files=("part-0.csv", "part-1.csv"),
)
Put = Callable[[str, str], None]
Metrics = Callable[[], dict[str, float]]
UNAVAILABLE = {"available": False, "row_count": None, "rows_checksum": None}


def write_snapshot(put: Put, manifest: FeatureManifest = MANIFEST) -> None:
    """Write two part files, a manifest and the validation of that manifest."""
    text = to_json(manifest)
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    put(f"{FOLDER}part-0.csv", "m1,1\nm2,2\n")
    put(f"{FOLDER}part-1.csv", "m3,3\n")
    put(f"{FOLDER}manifest.json", text)
    put(f"{FOLDER}validation.json", to_json(FeatureValidation(DAY, 3, sha256)))


def test_validated_features_are_available_with_their_row_count_and_checksum(
    event: dict[str, Any], context: Any, put: Put, emitted_metrics: Metrics
) -> None:
    write_snapshot(put)
    assert handler(event, context) == {"available": True, "row_count": 3, "rows_checksum": "-123"}
    assert emitted_metrics() == {"RowsToScore": 3}


def test_features_without_manifest_are_not_available(
    event: dict[str, Any], context: Any, emitted_metrics: Metrics
) -> None:
    assert handler(event, context) == UNAVAILABLE
    assert emitted_metrics() == {"RowsToScore": 0}


def test_features_without_validation_are_not_available(
    event: dict[str, Any], context: Any, put: Put, emitted_metrics: Metrics
) -> None:
    put(f"{FOLDER}manifest.json", to_json(MANIFEST))
    assert handler(event, context) == UNAVAILABLE
    assert emitted_metrics() == {"RowsToScore": 0}


def test_validation_of_an_earlier_manifest_does_not_count(
    event: dict[str, Any], context: Any, put: Put, emitted_metrics: Metrics
) -> None:
    write_snapshot(put)
    put(f"{FOLDER}manifest.json", to_json(dataclasses.replace(MANIFEST, row_count=4)))
    assert handler(event, context) == UNAVAILABLE
    assert emitted_metrics() == {"RowsToScore": 0}


def test_damaged_manifest_is_an_error_that_names_it(event: dict[str, Any], context: Any, put: Put) -> None:
    text = to_json(MANIFEST)[:40]
    put(f"{FOLDER}manifest.json", text)
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    put(f"{FOLDER}validation.json", to_json(FeatureValidation(DAY, 3, sha256)))
    with pytest.raises(InvalidManifestError, match=r"inputs/2020/01/30/manifest\.json is damaged"):
        handler(event, context)


def test_damaged_validation_is_an_error_that_names_it(event: dict[str, Any], context: Any, put: Put) -> None:
    write_snapshot(put)
    put(f"{FOLDER}validation.json", "{}")
    with pytest.raises(InvalidManifestError, match=r"validation\.json is damaged: .*manifest_sha256"):
        handler(event, context)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"column_checksum": column_checksum(["member_id"])}, "other columns"),
        ({"schema_version": FEATURE_SCHEMA_VERSION + 1}, "other columns"),
        ({"snapshot_date": date(2020, 1, 29)}, "describes the wrong snapshot, 2020-01-29; run the ETL"),
        ({"part_files": ("part-0.csv",)}, r"differ in \['part-1.csv'\]"),
        (
            {"part_files": ("part-0.csv", "part-2.csv", "part-3.csv")},
            r"differ in \['part-1.csv', 'part-2.csv', 'part-3.csv'\]",
        ),
        ({"part_files": ("part-0.csv", "part-1.csv", "part-2.csv")}, r"differ in \['part-2.csv'\]"),
    ],
)
def test_manifest_that_does_not_fit_is_an_error(
    event: dict[str, Any], context: Any, put: Put, change: dict[str, Any], message: str
) -> None:
    write_snapshot(put, dataclasses.replace(MANIFEST, **change))
    with pytest.raises(InvalidManifestError, match=message):
        handler(event, context)


def test_manifest_without_part_files_is_an_error(event: dict[str, Any], context: Any, put: Put) -> None:
    text = to_json(dataclasses.replace(MANIFEST, part_files=()))
    put(f"{FOLDER}manifest.json", text)
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    put(f"{FOLDER}validation.json", to_json(FeatureValidation(DAY, 3, sha256)))
    with pytest.raises(InvalidManifestError, match=r"differ in \[\]"):
        handler(event, context)


@pytest.mark.parametrize("text", ["2020-01-30", "20200230", "", None])
def test_impossible_snapshot_date_is_an_invalid_input(event: dict[str, Any], context: Any, text: str | None) -> None:
    with pytest.raises(InvalidInputError, match="snapshot_date"):
        handler({**event, "snapshot_date": text}, context)
