"""The manifest of a snapshot's features is read back as it was written, or refused."""

import dataclasses
import json
from datetime import date

import pytest

from buyer_stage.domain.documents import FeatureManifest, InputCounts, InputWarning, to_json
from buyer_stage.domain.errors import InvalidManifestError
from buyer_stage.spark.feature_manifests import parse_manifest

MANIFEST = FeatureManifest(
    1, date(2020, 2, 3), 2, {"t001": 1, "t007": 2}, "columns", "rows", ("part-0.csv", "part-1.csv")
)
FIELDS = json.loads(to_json(MANIFEST))
OPTIONAL = {"suppressed_members", "input_counts", "input_warnings", "accepted_input"}
REQUIRED = sorted(FIELDS.keys() - OPTIONAL)


def test_manifest_is_read_as_it_was_written() -> None:
    assert parse_manifest(to_json(MANIFEST)) == MANIFEST


def test_manifest_with_input_checks_is_read_as_it_was_written() -> None:
    checked = dataclasses.replace(
        MANIFEST,
        input_counts={"t001": InputCounts(1, {"total_searches": 1}, {"total_searches": 0}, 0)},
        input_warnings=(InputWarning("rows", "table", "", 1, 2.5),),
        accepted_input="the portal was down",
    )
    assert parse_manifest(to_json(checked)) == checked


def test_manifest_from_before_suppression_and_input_checks_has_none_of_them() -> None:
    assert parse_manifest(json.dumps({name: FIELDS[name] for name in REQUIRED})) == MANIFEST


@pytest.mark.parametrize(
    "text",
    [
        to_json(MANIFEST)[:-10],
        "[]",
        "null",
        json.dumps({**FIELDS, "unknown": 1}),
        json.dumps({**FIELDS, "snapshot_date": "03/02/2020"}),
        json.dumps({**FIELDS, "part_files": None}),
        json.dumps({**FIELDS, "input_counts": []}),
        json.dumps({**FIELDS, "input_counts": {"t001": {"rows": 1}}}),
        json.dumps({**FIELDS, "input_warnings": [1]}),
        *[json.dumps({name: value for name, value in FIELDS.items() if name != missing}) for missing in REQUIRED],
    ],
)
def test_damaged_manifest_is_an_error_that_says_what_to_do(text: str) -> None:
    with pytest.raises(InvalidManifestError, match=r"feature manifest is damaged.*run process_features again"):
        parse_manifest(text)
