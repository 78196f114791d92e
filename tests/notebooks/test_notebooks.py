"""Every notebook runs from top to bottom on the local cloud, and is kept with outputs that give nothing away."""

import re
from pathlib import Path

import nbformat
import pytest

from tests.local_stack import FirstRuns, Stack
from tools.notebooks import FOLDER, execute, notebooks

MAXIMUM_BYTES = 300_000

every_notebook = pytest.mark.parametrize("file", notebooks(), ids=lambda file: file.stem)


def test_every_notebook_is_in_the_list() -> None:
    assert sorted(notebooks()) == sorted(FOLDER.rglob("*.ipynb"))
    assert len(notebooks()) == 3


@every_notebook
def test_notebook_runs_from_top_to_bottom(file: Path, stack: Stack, first_runs: FirstRuns) -> None:
    executed = execute(file)

    kept = nbformat.read(file, as_version=4)
    assert [bool(cell.get("outputs")) for cell in executed.cells] == [bool(cell.get("outputs")) for cell in kept.cells]


@every_notebook
def test_kept_outputs_are_small_and_give_nothing_away(file: Path) -> None:
    text = file.read_text()
    assert len(text) < MAXIMUM_BYTES
    assert re.findall(r"/(?:home|root|tmp|work|Users)/|https?://(?!github)|127\.0\.0\.1|localhost", text) == []
    assert "the study: " not in text
    assert '"output_type": "error"' not in text
    assert '"output_type"' in text


@every_notebook
def test_kept_outputs_are_of_one_run_from_top_to_bottom(file: Path) -> None:
    code = [cell for cell in nbformat.read(file, as_version=4).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))


def test_kept_study_is_of_generated_members() -> None:
    study = next(file for file in notebooks() if file.parent.name == "study")
    printed = [
        output.text
        for cell in nbformat.read(study, as_version=4).cells
        for output in cell.get("outputs", [])
        if "text" in output
    ]
    assert printed[0].startswith("the generator: ")
