"""Tests of batch transform: filters, mini-batches, joins and file names match those of SageMaker."""

import csv
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from buyer_stage.domain.features import TRANSFORM_INPUT_FILTER
from buyer_stage.domain.transform_output import OUTPUT_FILTER, parse_scored_line
from buyer_stage.training.model_archive import Component, Model, save_model
from localcloud.sagemaker.batch_transform import FieldFilter, Transform, TransformError, main, transform_files

FIELDS = ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize(
    ("path", "selected"),
    [
        ("$", "abcde"),
        ("$[0]", "a"),
        ("$[-1]", "e"),
        ("$[1:]", "bcde"),
        ("$[:2]", "ab"),
        ("$[1:-1]", "bcd"),
        ("$[0,-3,-2,-1]", "acde"),
        ("$[0, 3:]", "ade"),
        (TRANSFORM_INPUT_FILTER, "e"),
        (OUTPUT_FILTER, "acde"),
    ],
)
def test_filter_selects_fields_in_the_order_of_its_indices(path: str, selected: str) -> None:
    assert FieldFilter.parse(path).apply(FIELDS) == list(selected)


@pytest.mark.parametrize("path", ["", "$.a", "$[]", "$[a]", "$[1,]", "$[::2]", "$[?(@>1)]", "[0]", "$[0][1]", "$[--1]"])
def test_unknown_filter_is_an_error(path: str) -> None:
    with pytest.raises(TransformError, match="filter"):
        FieldFilter.parse(path)


def test_index_outside_the_line_is_an_error() -> None:
    with pytest.raises(TransformError, match="index 5 is outside"):
        FieldFilter.parse("$[5]").apply(FIELDS)


class Echo:
    """Predicts the fields joined by `+`, and keeps the sizes of the mini-batches."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def __call__(self, rows: list[list[str]]) -> list[str]:
        self.sizes.append(len(rows))
        return ["+".join(row) for row in rows]


def transform(echo: Echo, *, maximum_payload_bytes: int = 100) -> Transform:
    return Transform(echo, FieldFilter.parse("$[1:]"), FieldFilter.parse("$[0,-1]"), maximum_payload_bytes)


def test_output_is_the_filtered_join_of_input_and_prediction() -> None:
    lines = ["m1,1,2", '"m,2",3,4']
    assert list(transform(Echo()).transform_lines(lines)) == ["m1,1+2", '"m,2",3+4']


def test_mini_batches_stay_within_the_payload() -> None:
    echo = Echo()
    lines = [f"m{number},1,2" for number in range(7)]
    assert len(list(transform(echo, maximum_payload_bytes=12).transform_lines(lines))) == 7
    assert echo.sizes == [3, 3, 1]  # "1,2\n" is four bytes


@pytest.mark.parametrize(
    ("lines", "message"), [(["m1,1", "", "m2,2"], "line 2 is empty"), (["m1," + "1" * 200], "larger than the maximum")]
)
def test_line_that_cannot_be_sent_is_an_error(lines: list[str], message: str) -> None:
    with pytest.raises(TransformError, match=message):
        list(transform(Echo()).transform_lines(lines))


def test_missing_prediction_is_an_error() -> None:
    silent = Transform(lambda _: [], FieldFilter.parse("$"), FieldFilter.parse("$"), 100)
    with pytest.raises(TransformError, match="0 predictions for 1 lines"):
        list(silent.transform_lines(["m1,1"]))


def test_output_file_is_named_after_the_input_file(tmp_path: Path) -> None:
    source, target = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    (source / "part-0.csv").write_text("m1,1\nm2,2\n")
    (source / "part-1.csv").write_text("")
    (source / "part-2.csv").write_text("m3,3")
    assert transform_files(transform(Echo()), source, target) == 3
    assert {file.name: file.read_text() for file in target.iterdir()} == {
        "part-0.csv.out": "m1,1\nm2,2\n",
        "part-1.csv.out": "",
        "part-2.csv.out": "m3,3\n",
    }


def test_folder_without_files_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TransformError, match="at least one"):
        transform_files(transform(Echo()), tmp_path, tmp_path / "out")


@pytest.fixture
def job(tmp_path: Path) -> list[str]:
    rows = np.random.default_rng(0).normal(size=(100, 2))
    estimator = LogisticRegression().fit(rows, (rows[:, 0] > 0).astype(int))
    save_model(
        Model(
            ("a", "b"),
            ("Dreamer", "Active Searcher"),
            (0.5, 0.5),
            0.0,
            (Component("c", "levels", 1.0, [estimator]),),
            (1.0, 1.0),
        ),
        tmp_path / "model.tar.gz",
    )
    (tmp_path / "in").mkdir()
    with (tmp_path / "in" / "part-0.csv").open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(
            [f"m{number}", 1, 30, 4, *row] for number, row in enumerate(rows)
        )
    return [
        *(
            "--model",
            str(tmp_path / "model.tar.gz"),
            "--input",
            str(tmp_path / "in"),
            "--output",
            str(tmp_path / "out"),
        ),
        *("--response-keys", "predicted_label,labels,probabilities", "--input-filter", TRANSFORM_INPUT_FILTER),
        *("--join-source", "Input", "--output-filter", OUTPUT_FILTER, "--strategy", "MultiRecord"),
    ]


def test_job_writes_a_scored_line_for_every_member(job: list[str], tmp_path: Path) -> None:
    main(job)
    scored = [parse_scored_line(line) for line in (tmp_path / "out" / "part-0.csv.out").read_text().splitlines()]
    assert [member.member_id for member in scored] == [f"m{number}" for number in range(100)]
    assert len({member.stage for member in scored}) == 2


def test_container_decides_the_payload_that_the_request_leaves_open(
    job: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = "m1,1,30,4,0,0\n"
    (tmp_path / "in" / "part-0.csv").write_text(line * (1024 * 1024 // len("0,0\n") + 1))
    sizes: list[int] = []

    def respond(_model: Model, rows: list[list[str]], *, response_keys: list[str]) -> list[str]:
        sizes.append(len(rows))
        return [",".join(response_keys)] * len(rows)

    monkeypatch.setattr("localcloud.sagemaker.batch_transform.respond", respond)
    main(job)
    assert sizes == [1024 * 1024 // len("0,0\n"), 1]


@pytest.mark.parametrize("extra", [["--join-source", "None"], ["--strategy", "SingleRecord"], ["--accelerate", "yes"]])
def test_unknown_option_is_an_error(job: list[str], extra: list[str]) -> None:
    with pytest.raises(SystemExit):
        main([*job, *extra])
