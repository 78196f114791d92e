"""Spark code, SQL definition and plain Python compute equal features from any raw rows."""

import math
import random
from itertools import combinations
from pathlib import Path

import pytest
from pydantic import TypeAdapter
from pyspark.sql import SparkSession

from buyer_stage.domain.datalake import REQUIRED_COLUMNS
from buyer_stage.domain.documents import FeatureProfile
from buyer_stage.domain.feature_bins import profile_rows
from buyer_stage.domain.features import CALENDAR_COLUMNS, MEMBER_ID, HiveType
from buyer_stage.domain.s3_layout import feature_profile_key, features_prefix
from buyer_stage.domain.windows import Window
from emr_steps.feature_files import read_features
from emr_steps.process_features import process_features
from emr_steps.validate_features import validate_features
from tests.lake import SNAPSHOT, RawRow, write_window
from tests.reference import reference_features
from tools.repository import REPOSITORY

FEATURE_QUERY = (REPOSITORY / "sql/features.sql").read_text()

VALUES: dict[HiveType, list[object]] = {
    HiveType.STRING: ["for sale", " for rent", "not for sale\t", "no_segment", "elsewhere", "", None],
    HiveType.BIGINT: [None, 0, 1, 179, 180, 181, 2**40],
    HiveType.DOUBLE: [None, 0.0, 0.1, 1 / 3, 179.99, 180.5, 1e-7, 1e9, math.nan],
}
MEMBERSHIPS = [windows for size in range(1, len(Window) + 1) for windows in combinations(Window, size)]
"""Every set of windows that a member can be in."""

ODD_MEMBER_IDS = ["007", "a,b", ' padded "quoted" ', "é", "null", "NaN", "back\\slash"]


def draw_row(rng: random.Random) -> RawRow:
    return {name: rng.choice(VALUES[t]) for name, t in REQUIRED_COLUMNS.items() if name != MEMBER_ID}


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.matrix)])
def test_any_window_membership_gives_one_row_per_member_equal_to_the_reference(
    spark: SparkSession, tmp_path: Path, seed: int
) -> None:
    lake, bucket = tmp_path / "lake", tmp_path / "bucket"
    rng = random.Random(seed)
    ids = [*ODD_MEMBER_IDS, *(f"m{number}" for number in range(len(MEMBERSHIPS) - len(ODD_MEMBER_IDS)))]
    rng.shuffle(ids)
    members = {m: {w: draw_row(rng) for w in windows} for m, windows in zip(ids, MEMBERSHIPS, strict=True)}
    for window in Window:
        rows = [{**raw[window], MEMBER_ID: member_id} for member_id, raw in members.items() if window in raw]
        write_window(lake, window, rows)

    manifest = process_features(spark, str(lake), str(bucket), SNAPSHOT)
    validation = validate_features(spark, str(lake), str(bucket), SNAPSHOT, feature_query=FEATURE_QUERY)

    parts = [str(bucket / features_prefix(SNAPSHOT) / name) for name in manifest.part_files]
    written = sorted(list(row) for row in read_features(spark, parts).collect())
    assert written == sorted(reference_features(member_id, SNAPSHOT, raw) for member_id, raw in members.items())
    profile = TypeAdapter(FeatureProfile).validate_json((bucket / feature_profile_key(SNAPSHOT)).read_text())
    assert profile == profile_rows([row[1 + len(CALENDAR_COLUMNS) :] for row in written])
    assert manifest.row_count == validation.row_count == len(members)
    assert manifest.window_row_counts == {w.value: sum(w in raw for raw in members.values()) for w in Window}
