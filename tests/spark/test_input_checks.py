"""A snapshot that differs too much from the snapshots before is refused by the step and by the contract's queries."""

import dataclasses
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlglot
import yaml
from pyspark.sql import SparkSession

from buyer_stage.domain.datalake import PARTITION_COLUMN
from buyer_stage.domain.documents import FeatureManifest, InputCounts, to_json
from buyer_stage.domain.errors import DataLakeError
from buyer_stage.domain.features import DOMINANT_SEGMENT, SOURCE_COLUMNS
from buyer_stage.domain.input_checks import EARLIER_SNAPSHOTS, MINIMUM_ROWS, Level, Measure, find_broken_rules
from buyer_stage.domain.s3_layout import feature_manifest_key
from buyer_stage.domain.snapshot_date import parse_snapshot_date
from buyer_stage.domain.windows import Window
from buyer_stage.spark.feature_manifests import parse_manifest
from emr_steps.process_features import process_features
from sample_data.generate import generate
from tests.lake import SNAPSHOT, RawRow, write_lake, write_window
from tests.suppression import suppress
from tools.contracts import consumer_profile

ROWS = 600
TABLE = "consumer_analytical_profile_member_id_summary_t030"

Run = Callable[..., FeatureManifest]


def usual(number: int) -> RawRow:
    """Return a member's row: every second one has searched, every tenth has no average, one in 100 no known segment."""
    segment = "for sale " if number % 100 else "castle" if number else None
    average = None if number % 20 == 0 else float("nan") if number % 10 == 0 else 1.0
    searches = {"total_searches": number % 2, "average_searches": average}
    others = {source.name: 1 for source in SOURCE_COLUMNS if source.name not in {*searches, DOMINANT_SEGMENT.name}}
    return {"member_id": f"m{number}", DOMINANT_SEGMENT.name: segment, **others, **searches}


USUAL = [usual(number) for number in range(ROWS)]


def write_history(bucket: Path, manifest: FeatureManifest, days: int) -> None:
    """Let the days before the snapshot have had the same data lake."""
    for day in range(1, days + 1):
        earlier = dataclasses.replace(manifest, snapshot_date=SNAPSHOT - timedelta(day))
        file = bucket / feature_manifest_key(earlier.snapshot_date)
        file.parent.mkdir(parents=True)
        file.write_text(to_json(earlier))


@pytest.fixture(scope="module")
def usual_manifest(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> FeatureManifest:
    folder = tmp_path_factory.mktemp("usual")
    write_lake(folder / "lake", USUAL)
    return process_features(spark, str(folder / "lake"), str(folder / "bucket"), SNAPSHOT)


@pytest.fixture
def run(spark: SparkSession, tmp_path: Path, usual_manifest: FeatureManifest) -> Run:
    """Process a snapshot whose table of 30 days has other rows than usual, after some usual days."""

    def process(rows: list[RawRow], days: int = 5, accepted_input: str = "") -> FeatureManifest:
        write_lake(tmp_path / "lake", USUAL)
        write_window(tmp_path / "lake", Window.T030, rows)
        write_history(tmp_path / "bucket", usual_manifest, days)
        arguments = (spark, str(tmp_path / "lake"), str(tmp_path / "bucket"), SNAPSHOT)
        return process_features(*arguments, accepted_input=accepted_input)

    return process


def changed(**values: object) -> list[RawRow]:
    return [{**row, **values} for row in USUAL]


def test_manifest_counts_nulls_zeros_and_unknown_segments(usual_manifest: FeatureManifest) -> None:
    assert (usual_manifest.input_warnings, usual_manifest.accepted_input) == ((), "")
    assert usual_manifest.input_counts.keys() == {window.value for window in Window}
    for counts in usual_manifest.input_counts.values():
        assert (counts.rows, counts.unknown_segments, counts.nulls[DOMINANT_SEGMENT.name]) == (600, 5, 1)
        assert (counts.nulls["average_searches"], counts.zeros["average_searches"]) == (60, 0)
        assert (counts.nulls["total_searches"], counts.zeros["total_searches"]) == (0, 300)
        others = counts.nulls.keys() - {"average_searches", "total_searches", DOMINANT_SEGMENT.name}
        assert {(counts.nulls[name], counts.zeros[name]) for name in others} == {(0, 0)}


def test_half_the_rows_are_refused_after_five_snapshots_and_leave_no_manifest(run: Run, tmp_path: Path) -> None:
    with pytest.raises(
        DataLakeError, match=f"table {TABLE}: rows is 300, beyond the limit 360 .usually 600."
    ) as refused:
        run(USUAL[: ROWS // 2])

    assert "m1" not in str(refused.value)
    assert not (tmp_path / "bucket" / feature_manifest_key(SNAPSHOT)).exists()


def test_half_the_rows_are_a_warning_after_four_snapshots(run: Run, tmp_path: Path) -> None:
    (warning,) = run(USUAL[: ROWS // 2], days=4).input_warnings

    assert (warning.rule, warning.table, warning.column, warning.value, warning.limit) == ("rows", TABLE, "", 300, 540)
    written = parse_manifest((tmp_path / "bucket" / feature_manifest_key(SNAPSHOT)).read_text())
    assert written.input_warnings == (warning,)


def test_column_that_turned_null_is_refused(run: Run) -> None:
    with pytest.raises(
        DataLakeError, match=f"table {TABLE}, column median_searches: null_share is 1, beyond the limit"
    ):
        run(changed(median_searches=None), days=1)


def test_column_that_turned_zero_is_refused(run: Run) -> None:
    with pytest.raises(DataLakeError, match=f"table {TABLE}, column average_searches: zero_share is 1, beyond the lim"):
        run(changed(average_searches=0.0), days=1)


def test_renamed_segments_are_accepted_with_a_reason_which_the_manifest_and_the_next_run_keep(
    spark: SparkSession, run: Run, tmp_path: Path
) -> None:
    manifest = run(changed(ldp_dominant_segment="to buy"), accepted_input="segments were renamed")
    again = process_features(spark, str(tmp_path / "lake"), str(tmp_path / "bucket"), SNAPSHOT)

    assert manifest.accepted_input == again.accepted_input == "segments were renamed"
    assert manifest.input_warnings == again.input_warnings
    (warning,) = manifest.input_warnings
    assert (warning.rule, warning.column, warning.value) == ("unknown_segment_share", DOMINANT_SEGMENT.name, 1)


def test_manifest_of_a_later_code_version_is_left_out(run: Run, tmp_path: Path) -> None:
    unreadable = tmp_path / "bucket" / feature_manifest_key(SNAPSHOT - timedelta(6))
    unreadable.parent.mkdir(parents=True)
    unreadable.write_text('{"unknown": 1}')

    assert len(run(USUAL[: ROWS // 2], days=4).input_warnings) == 1


def test_counts_leave_suppressed_members_out(spark: SparkSession, tmp_path: Path, suppression_secret: str) -> None:
    write_lake(tmp_path / "lake", [{"member_id": "m1"}, {"member_id": "m2"}, {"member_id": "m3", "total_searches": 1}])
    suppress(tmp_path / "bucket", "m1")

    manifest = process_features(spark, str(tmp_path / "lake"), str(tmp_path / "bucket"), SNAPSHOT, suppression_secret)

    assert {
        (counts.rows, counts.nulls["total_searches"], counts.zeros["total_searches"], counts.unknown_segments)
        for counts in manifest.input_counts.values()
    } == {(2, 1, 0, 0)}


@pytest.mark.matrix
def test_real_days_are_not_refused(spark: SparkSession, real_lake: Path, tmp_path: Path) -> None:
    days = sorted(parse_snapshot_date(file.stem) for file in (real_lake / "expected_features").glob("*.csv"))
    assert len(days) == 12

    for day in days:
        process_features(spark, str(real_lake), str(tmp_path), day)


def test_generated_days_break_no_rule(spark: SparkSession, tmp_path: Path) -> None:
    days = [SNAPSHOT, SNAPSHOT + timedelta(1)]
    for day in days:
        generate(tmp_path / "lake", 2000, day, SNAPSHOT - timedelta(30), seed=day.day)

    manifests = [process_features(spark, str(tmp_path / "lake"), str(tmp_path), day) for day in days]

    assert [manifest.input_warnings for manifest in manifests] == [(), ()]
    assert min(manifest.input_counts["t090"].rows for manifest in manifests) > MINIMUM_ROWS


# The contract's queries say the same as the step.

RULES = {
    (table["name"], column["name"], rule["name"]): rule
    for table in yaml.safe_load(consumer_profile.render())["schema"]
    for column in [{"name": "", "quality": table["quality"]}, *table["properties"]]
    for rule in column.get("quality", [])
}
"""Table, column and name of each rule of the contract -> the rule."""


def ask(spark: SparkSession, column: str, rule: str) -> Any:
    """Run the query of a rule on the view `TABLE`, and return its result."""
    query = RULES[TABLE, column, rule]["query"].replace("${object}", TABLE).replace("${property}", column)
    ((value,),) = spark.sql(sqlglot.transpile(query, read="athena", write="spark")[0]).collect()
    return value


def show(spark: SparkSession, days: Sequence[Sequence[RawRow]]) -> None:
    """Make the days' rows the view `TABLE`; the last day is the latest snapshot."""
    columns = (DOMINANT_SEGMENT.name, "total_searches", "average_searches")
    rows = [
        (str(20200201 + day), *[row.get(name) for name in ("member_id", *columns)])
        for day in range(len(days))
        for row in days[day]
    ]
    schema = (
        f"{PARTITION_COLUMN} string, member_id string, {columns[0]} string, {columns[1]} bigint, {columns[2]} double"
    )
    spark.createDataFrame(rows, schema).createOrReplaceTempView(TABLE)


def count(rows: Sequence[RawRow]) -> InputCounts:
    def is_null(value: Any) -> bool:
        return value is None or value != value

    columns = ("total_searches", "average_searches")
    values = {name: [row[name] for row in rows] for name in (*columns, DOMINANT_SEGMENT.name)}
    unknown = [text for text in values[DOMINANT_SEGMENT.name] if text and text.strip() not in DOMINANT_SEGMENT.values]
    return InputCounts(
        len(rows),
        {name: sum(map(is_null, values[name])) for name in values},
        {name: sum(value == 0 for value in values[name]) for name in columns},
        len(unknown),
    )


LESS = [{**row, "total_searches": 0 if number % 3 else None} for number, row in enumerate(USUAL)]
OTHER = [{**row, "average_searches": float("nan"), DOMINANT_SEGMENT.name: "to buy"} for row in USUAL[:550]]


matrix = pytest.mark.matrix


@pytest.mark.parametrize(
    ("days", "broken"),
    [
        pytest.param([USUAL], 0, id="first", marks=matrix),
        pytest.param([USUAL[:499], OTHER], 0, id="after a small one", marks=matrix),
        pytest.param([USUAL, OTHER], 2, id="second", marks=matrix),
        pytest.param([OTHER, USUAL, LESS, USUAL[:300]], 1, id="fourth", marks=matrix),
        pytest.param([LESS, USUAL, OTHER, USUAL[:550], USUAL, USUAL[:300]], 1, id="sixth", marks=matrix),
        pytest.param([OTHER, OTHER, USUAL, USUAL, USUAL, USUAL[:550], USUAL[:520], LESS, OTHER], 2, id="ninth"),
    ],
)
def test_queries_of_the_contract_break_the_rules_that_the_step_breaks(
    spark: SparkSession, days: list[list[RawRow]], broken: int
) -> None:
    manifests = [
        FeatureManifest(
            1, SNAPSHOT, 0, {window.value: len(rows) for window in Window}, "", "", (),
            input_counts={window.value: count(rows) for window in Window},
        )
        for rows in days
    ]  # fmt: skip
    *earlier, latest = manifests
    found = find_broken_rules(latest.window_row_counts, latest.input_counts, earlier[-EARLIER_SNAPSHOTS:])
    expected = {(rule.warning.column, rule.warning.rule): rule.level for rule in found if rule.warning.table == TABLE}
    show(spark, days)

    answers: dict[tuple[str, str], Level] = {}
    for column in ("", DOMINANT_SEGMENT.name, "total_searches", "average_searches"):
        for measure in Measure:
            for level in (Level.WARN, Level.ERROR):
                rule = RULES.get((TABLE, column, f"{measure.value}_{level.value}"))
                if rule is not None:
                    low, high = rule["mustBeBetween"]
                    if not low <= ask(spark, column, f"{measure.value}_{level.value}") <= high:
                        answers[column, measure.value] = level

    assert answers == expected
    assert len(answers) == broken


def test_queries_of_the_contract_count_unusable_ids_and_repeated_members(spark: SparkSession) -> None:
    row = USUAL[0]
    show(spark, [[row, row], [row, {**row, "member_id": " \t"}, {**row, "member_id": "a\u2028b"}, {"member_id": None}]])

    assert ask(spark, "member_id", "unusable_ids") == 3
    assert ask(spark, "", "repeated_members") == 1
