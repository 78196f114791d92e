"""`sql/labeled_set.sql` on Spark: which day gets which label, and why a day gets none."""

from collections.abc import Mapping
from datetime import date

import pytest
import sqlglot
from pyspark.sql import SparkSession

from buyer_stage.domain.features import MODEL_FEATURES, TARGET_COLUMN
from buyer_stage.domain.labeled_set import ID_COLUMNS
from buyer_stage.domain.queries import fill_labeled_set_query
from buyer_stage.domain.stages import STAGE_BY_SPELLING, Stage
from buyer_stage.domain.windows import Window
from emr_steps.datalake_reader import read_window
from emr_steps.sql_definition import run_athena_query
from emr_steps.survey import Answer
from tests.lake import write_lake
from tools.repository import REPOSITORY

SQL = REPOSITORY / "sql"
DAYS = [date(2020, 2, day) for day in range(1, 13)]
LABELED, CONFLICTING, AFTER, UNKNOWN = "labeled", "conflicting answers", "after the answer", "unknown label"
DREAMER, ACTIVE = Stage.DREAMER.value, Stage.ACTIVE_SEARCHER.value

# member -> (first day of February, last day, label) of each answer
ANSWERS: dict[str, list[tuple[int, int, str]]] = {
    "one day": [(5, 5, DREAMER)],
    "three days": [(5, 7, DREAMER)],
    "same twice": [(5, 5, DREAMER), (6, 6, DREAMER)],
    "conflict": [(5, 5, DREAMER), (7, 7, ACTIVE), (12, 12, ACTIVE)],
    "changed": [(3, 3, DREAMER), (9, 9, ACTIVE)],
    "later label wins over the future": [(5, 5, DREAMER), (8, 8, ACTIVE)],
    "unknown": [(5, 5, "Just looking"), (11, 11, "")],
    "unknown and known": [(5, 5, "Just looking"), (5, 5, ACTIVE)],
    "not in the lake": [(5, 5, DREAMER)],
    **{f"spelled {spelling}": [(5, 5, f"\t{spelling} ")] for spelling in STAGE_BY_SPELLING},
}
Labels = Mapping[str, Mapping[int, tuple[str, str | None]]]


def query(days: list[date]) -> str:
    definition, features = (SQL / "labeled_set.sql").read_text(), (SQL / "features.sql").read_text()
    return fill_labeled_set_query(definition, features, days)


@pytest.fixture(scope="module")
def labels(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Labels:
    """Member -> day of February -> (outcome, label)."""
    lake = tmp_path_factory.mktemp("lake")
    members = [member for member in ANSWERS if member != "not in the lake"]
    for day in DAYS:
        write_lake(lake, [{"member_id": member} for member in [*members, "never asked"]], day)
    survey = [(m, f"2020-02-{a:02}", f"2020-02-{b:02}", label) for m, given in ANSWERS.items() for a, b, label in given]
    columns = "member_id string, start_date string, end_date string, stage_label_1 string"
    spark.createDataFrame(survey, columns).createOrReplaceTempView("survey")
    tables = {window: read_window(spark, str(lake), window, DAYS) for window in Window}
    rows = run_athena_query(spark, query(DAYS), tables).collect()

    found: dict[str, dict[int, tuple[str, str | None]]] = {}
    for row in rows:
        days = found.setdefault(row["member_id"], {})
        assert row["snapshot_date"].day not in days, "one row per member and snapshot"
        days[row["snapshot_date"].day] = (row["outcome"], row[TARGET_COLUMN])
    return found


def test_definition_selects_ids_features_target_and_outcome() -> None:
    parsed = sqlglot.parse_one(query(DAYS[:2]), read="athena")
    assert isinstance(parsed, sqlglot.exp.Query)
    assert parsed.named_selects == [*ID_COLUMNS, *MODEL_FEATURES, TARGET_COLUMN, "outcome"]


def test_every_parameter_is_filled_in() -> None:
    assert ":" not in "".join(line.partition("--")[0] for line in query(DAYS[:2]).splitlines())


def test_answer_labels_its_day_and_the_two_before_but_not_the_two_after(labels: Labels) -> None:
    assert labels["one day"] == {
        3: (LABELED, DREAMER), 4: (LABELED, DREAMER), 5: (LABELED, DREAMER), 6: (AFTER, None), 7: (AFTER, None),
    }  # fmt: skip


def test_answer_over_several_days_labels_all_of_them(labels: Labels) -> None:
    assert [day for day, found in sorted(labels["three days"].items()) if found == (LABELED, DREAMER)] == [
        3,
        4,
        5,
        6,
        7,
    ]


@pytest.mark.parametrize("member", ["one day", "three days"])
def test_rows_cover_the_days_that_the_step_reads(labels: Labels, member: str) -> None:
    ((first, last, label),) = ANSWERS[member]
    answer = Answer(member, date(2020, 2, first), date(2020, 2, last), label)
    assert sorted(labels[member]) == [day.day for day in answer.near_days()]


def test_same_stage_twice_is_one_row_per_day(labels: Labels) -> None:
    assert [labels["same twice"][day][0] for day in range(3, 9)] == [LABELED] * 4 + [AFTER] * 2


def test_member_with_two_stages_for_one_day_is_left_out_on_all_days(labels: Labels) -> None:
    assert {*labels["conflict"].values()} == {(CONFLICTING, None)}
    assert {12, 3} <= labels["conflict"].keys()


def test_stage_can_change_between_answers(labels: Labels) -> None:
    assert labels["changed"][3] == (LABELED, DREAMER)
    assert labels["changed"][9] == (LABELED, ACTIVE)
    assert 6 not in labels["changed"]


def test_later_answer_labels_days_that_lie_after_an_earlier_one(labels: Labels) -> None:
    assert labels["later label wins over the future"][6] == (LABELED, ACTIVE)


def test_unknown_label_labels_nothing_and_does_not_conflict(labels: Labels) -> None:
    assert {*labels["unknown"].values()} == {(UNKNOWN, None)}
    assert labels["unknown and known"][5] == (LABELED, ACTIVE)


def test_members_without_features_or_answers_have_no_row(labels: Labels) -> None:
    assert {"not in the lake", "never asked"}.isdisjoint(labels)


@pytest.mark.parametrize(("spelling", "stage"), STAGE_BY_SPELLING.items())
def test_every_spelling_is_resolved_to_its_stage(labels: Labels, spelling: str, stage: Stage) -> None:
    assert labels[f"spelled {spelling}"][5] == (LABELED, stage.value)
