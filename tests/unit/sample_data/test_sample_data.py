"""The synthetic data lake: its shape, consistency and dirt. The same arguments produce the same values."""

import csv
from collections import defaultdict
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from buyer_stage.domain.datalake import (
    PARTITION_COLUMN,
    REQUIRED_COLUMNS,
    SURVEY_COLUMNS,
    SURVEY_FILE,
    partition_prefix,
    table_prefix,
)
from buyer_stage.domain.errors import InvalidInputError
from buyer_stage.domain.features import MAXIMUM_DWELL_SECONDS
from buyer_stage.domain.labeled_set import ANSWER_WINDOW_DAYS
from buyer_stage.domain.stages import STAGE_ALIASES, STAGE_BY_SPELLING, Stage
from buyer_stage.domain.windows import Window
from sample_data.generate import generate, main
from sample_data.schema import ARROW_TYPES, table_schema
from tools.repository import REPOSITORY

SMALL_EXAMPLE = REPOSITORY / "sample_data" / "small"
LABELED, SCORED = date(2020, 1, 31), date(2020, 3, 1)
DAYS = (LABELED, SCORED)
MEMBERS = 1_500


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("lake")
    generate(out, MEMBERS, SCORED, LABELED, seed=7)
    return out


def read(lake: Path, window: Window, day: date) -> pa.Table:
    files = sorted((lake / partition_prefix(window, day)).iterdir())
    return pa.concat_tables(pq.ParquetFile(file).read() for file in files)


def frame(lake: Path, window: Window, day: date) -> pd.DataFrame:
    rows: pd.DataFrame = read(lake, window, day).to_pandas()
    return rows.set_index("member_id")


def member_ids(lake: Path, window: Window, day: date) -> set[str]:
    return set(read(lake, window, day)["member_id"].to_pylist())


def survey(lake: Path) -> list[dict[str, str]]:
    with (lake / SURVEY_FILE).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def assert_same_values(left: Path, right: Path) -> None:
    assert survey(left) == survey(right)
    for day in DAYS:
        for window in Window:
            # Floats can differ in their last digit between processors.
            pd.testing.assert_frame_equal(frame(left, window, day), frame(right, window, day), rtol=1e-9)


def test_small_example_is_what_the_generator_writes(tmp_path: Path) -> None:
    main(["--out", str(tmp_path), "--members", "40", "--part-files", "1"])

    assert_same_values(tmp_path, SMALL_EXAMPLE)
    files = [path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()]
    assert sorted(files) == sorted(p.relative_to(SMALL_EXAMPLE) for p in SMALL_EXAMPLE.rglob("*") if p.is_file())


def test_small_example_stays_small() -> None:
    assert sum(path.stat().st_size for path in SMALL_EXAMPLE.rglob("*") if path.is_file()) < 300_000


def test_same_arguments_produce_the_same_values_even_over_an_older_lake(tmp_path: Path) -> None:
    generate(tmp_path / "once", 40, SCORED, LABELED, seed=3)
    generate(tmp_path / "twice", 60, SCORED, LABELED, seed=5, part_files=3)
    generate(tmp_path / "twice", 40, SCORED, LABELED, seed=3)

    assert_same_values(tmp_path / "once", tmp_path / "twice")


def test_number_of_processes_does_not_change_the_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sample_data.generate.BLOCK_MEMBERS", 20)
    shares: list[float] = []
    for processes in (1, 2):
        monkeypatch.setattr("os.cpu_count", lambda processes=processes: processes)
        generate(tmp_path / str(processes), 60, SCORED, LABELED, seed=3, on_progress=shares.append)
    assert_same_values(tmp_path / "1", tmp_path / "2")
    assert len(set.union(*(member_ids(tmp_path / "1", window, SCORED) for window in Window))) == 60
    assert shares[-1] == 1


def test_another_seed_produces_other_members(tmp_path: Path) -> None:
    for seed in (1, 2):
        generate(tmp_path / str(seed), 40, SCORED, LABELED, seed)

    assert member_ids(tmp_path / "1", Window.T090, SCORED).isdisjoint(member_ids(tmp_path / "2", Window.T090, SCORED))


def test_labeled_date_defaults_to_30_days_before_the_snapshot_date(tmp_path: Path) -> None:
    main(["--out", str(tmp_path), "--members", "40", "--snapshot-date", "20210115"])

    partitions = sorted(path.name for path in (tmp_path / table_prefix(Window.T001)).iterdir())
    assert partitions == [f"{PARTITION_COLUMN}=20201216", f"{PARTITION_COLUMN}=20210115"]


@pytest.mark.parametrize("members", [20, 21])
@pytest.mark.parametrize("seed", range(3))
def test_fewest_members_still_fill_every_window(tmp_path: Path, members: int, seed: int) -> None:
    generate(tmp_path, members, SCORED, LABELED, seed)

    assert all(read(tmp_path, window, day).num_rows for window in Window for day in DAYS)


@pytest.mark.parametrize(
    ("members", "labeled_date", "seed", "part_files", "message"),
    [
        (19, LABELED, 7, 2, "19 members: use at least 20"),
        (40, SCORED, 7, 2, "not before"),
        (40, LABELED, -1, 2, "seed -1 is negative"),
        (40, LABELED, 7, 0, "0 part files: use at least 1"),
    ],
)
def test_impossible_argument_is_refused_before_anything_is_written(
    tmp_path: Path, members: int, labeled_date: date, seed: int, part_files: int, message: str
) -> None:
    with pytest.raises(InvalidInputError, match=message):
        generate(tmp_path / "out", members, SCORED, labeled_date, seed, part_files)

    assert not (tmp_path / "out").exists()


def test_date_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="20200230"):
        main(["--out", str(tmp_path), "--snapshot-date", "20200230"])


def test_schema_has_the_columns_that_the_product_reads() -> None:
    schema = table_schema()

    assert len(schema) == 101
    assert PARTITION_COLUMN not in schema.names
    assert {name: schema.field(name).type for name in REQUIRED_COLUMNS} == {
        name: ARROW_TYPES[hive_type.value] for name, hive_type in REQUIRED_COLUMNS.items()
    }


@pytest.mark.parametrize("day", DAYS)
@pytest.mark.parametrize("window", Window)
def test_partition_has_two_files_of_the_tables_schema(lake: Path, window: Window, day: date) -> None:
    files = sorted((lake / partition_prefix(window, day)).iterdir())

    assert [file.name for file in files] == ["part-00000.parquet", "part-00001.parquet"]
    for file in files:
        content = pq.ParquetFile(file)
        assert content.metadata.num_rows > 0
        assert content.schema_arrow.equals(table_schema())


@pytest.mark.parametrize("day", DAYS)
@pytest.mark.parametrize("window", Window)
def test_member_ids_are_never_null_or_repeated(lake: Path, window: Window, day: date) -> None:
    ids = read(lake, window, day)["member_id"].to_pylist()

    assert all(ids)
    assert len(set(ids)) == len(ids)


def test_each_day_holds_the_requested_number_of_members_and_a_tenth_differ(lake: Path) -> None:
    labeled, scored = (set[str]().union(*(member_ids(lake, window, day) for window in Window)) for day in DAYS)

    assert len(labeled) == len(scored) == MEMBERS
    assert len(labeled - scored) == len(scored - labeled) == MEMBERS // 10


def test_windows_are_nested_except_for_a_few_members(lake: Path) -> None:
    t001, t007, t030, t060, t090 = (member_ids(lake, window, SCORED) for window in Window)

    assert len(t001) < len(t007) < len(t030) < len(t060) < len(t090)
    assert (t007 & t030 & t060) - t090, "missing from the longest window only"
    assert t001 - (t007 | t030 | t060 | t090), "in the shortest window only"
    assert (t007 & t060) - t030, "missing from a middle window only"
    assert len(t001 - t090) < 0.1 * len(t001)


@pytest.mark.parametrize("column", [name for name in REQUIRED_COLUMNS if name.startswith(("total_", "submitted_"))])
def test_totals_never_shrink_in_a_longer_window(lake: Path, column: str) -> None:
    values = pd.concat({window: frame(lake, window, SCORED)[column] for window in Window}, axis=1)

    known = values.ffill(axis=1).fillna(0)
    assert (known.diff(axis=1).iloc[:, 1:] >= 0).all(axis=None)


def test_statistics_agree_with_each_other(lake: Path) -> None:
    rows = frame(lake, Window.T090, SCORED)
    leads = rows[["submitted_leads_for_rent", "submitted_leads_for_sale", "submitted_leads_not_for_sale"]]
    complete = leads.notna().all(axis=1) & rows["total_leads_submitted"].notna()

    assert (leads.sum(axis=1) == rows["total_leads_submitted"])[complete].all()
    views = rows["average_ldp_page_views"] * rows["total_listings_viewed"] - rows["total_ldp_page_views"]
    assert views.abs().max() < 1e-6
    assert not (rows["minimum_ldp_dwell_time_seconds"] > rows["median_ldp_dwell_time_seconds"]).any()
    assert not (rows["median_ldp_dwell_time_seconds"] > rows["maximum_ldp_dwell_time_seconds"]).any()
    assert not (rows["minimum_search_min_price"] > rows["median_search_min_price"]).any()
    assert not (rows["median_search_min_price"] > rows["maximum_search_min_price"]).any()


@pytest.mark.parametrize("window", Window)
def test_visits_lie_within_their_window(lake: Path, window: Window) -> None:
    rows = frame(lake, window, SCORED)
    end = pd.Timestamp(SCORED) + pd.Timedelta(days=1)
    for page in ("ldp", "srp"):
        first, latest = rows[f"first_{page}_visit_date"], rows[f"most_recent_{page}_visit_date"]
        assert first.notna().any()
        assert not (first > latest).any()
        assert latest.max() <= end
        assert first.min() >= end - pd.Timedelta(days=window.days)


def test_lake_holds_the_dirt_that_the_feature_rules_must_handle(lake: Path) -> None:
    table = read(lake, Window.T090, SCORED)
    segments = table["ldp_dominant_segment"].to_pylist()
    doubles = table["average_ldp_dwell_time_seconds"].to_pylist()

    assert {None, "  for sale ", "coming soon", "for sale", "not for sale", "no_segment"} <= set(segments)
    assert None in doubles
    assert any(value is not None and np.isnan(value) for value in doubles)
    assert table["total_saved_listings"].null_count > 0
    for page in ("ldp", "srp", "lead"):
        dwell = table[f"total_{page}_dwell_time_seconds"].drop_null().to_numpy()
        assert dwell.min() < MAXIMUM_DWELL_SECONDS < dwell.max()


def test_most_members_do_little_and_a_few_do_a_lot(lake: Path) -> None:
    rows = frame(lake, Window.T090, SCORED).fillna({"total_searches": 0})

    assert 0.55 < (rows["total_saved_listings"] == 0).mean() < 0.65
    assert 0.30 < (rows["total_searches"] == 0).mean() < 0.45
    assert rows["total_searches"].quantile(0.99) > 8 * rows["total_searches"].mean()


def test_about_60_percent_of_the_members_answer_and_their_stages_have_the_real_shares(lake: Path) -> None:
    answers = survey(lake)
    labels = [STAGE_BY_SPELLING[a["stage_label_1"]] for a in answers if a["stage_label_1"] in STAGE_BY_SPELLING]

    assert tuple(answers[0]) == SURVEY_COLUMNS
    answered = {answer["member_id"] for answer in answers}
    assert 0.55 < len(answered & member_ids(lake, Window.T090, LABELED)) / MEMBERS < 0.65
    assert 0.48 < labels.count(Stage.ACTIVE_SEARCHER) / len(labels) < 0.60
    assert all(labels.count(stage) > 0.09 * len(labels) for stage in Stage)


def test_survey_holds_aliases_unknown_labels_and_conflicting_answers(lake: Path) -> None:
    answers = survey(lake)
    stages_of_members = defaultdict(set)
    for answer in answers:
        stages_of_members[answer["member_id"]].add(STAGE_BY_SPELLING.get(answer["stage_label_1"]))
    conflicting = sum(len(stages) > 1 for stages in stages_of_members.values())
    unknown = sum(answer["stage_label_1"] not in STAGE_BY_SPELLING for answer in answers)

    assert {*STAGE_ALIASES, *Stage} <= {answer["stage_label_1"] for answer in answers}
    assert 0 < conflicting < 0.05 * len(answers)
    assert 0 < unknown < 0.05 * len(answers)


def test_answers_lie_around_the_labeled_day(lake: Path) -> None:
    days = [(date.fromisoformat(answer["end_date"]) - LABELED).days for answer in survey(lake)]
    usable = [0 <= day <= ANSWER_WINDOW_DAYS for day in days]

    assert min(days) < 0
    assert max(days) > ANSWER_WINDOW_DAYS
    assert sum(usable) > 0.8 * len(days)
    assert all(answer["start_date"] <= answer["end_date"] for answer in survey(lake))


def test_members_closer_to_a_purchase_do_more(lake: Path) -> None:
    stages = {a["member_id"]: STAGE_BY_SPELLING.get(a["stage_label_1"]) for a in survey(lake)}
    rows = frame(lake, Window.T090, LABELED)
    means = rows["total_ldp_page_views"].groupby(rows.index.map(stages)).mean()

    assert means[Stage.DREAMER] < means[Stage.ACTIVE_SEARCHER] < means[Stage.READY_TO_TRANSACT]
