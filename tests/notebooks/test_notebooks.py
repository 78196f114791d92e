"""Every notebook runs on the local cloud, and its stored outputs are small and free of private data."""

import re
from pathlib import Path

import nbformat
import pytest

from tests.local_stack import FirstRuns, Stack
from tools.notebooks import FOLDER, execute, notebooks

MAXIMUM_BYTES = 300_000

every_notebook = pytest.mark.parametrize("file", notebooks(), ids=lambda file: file.stem)


def test_the_list_has_every_notebook() -> None:
    assert sorted(notebooks()) == sorted(FOLDER.rglob("*.ipynb"))
    assert notebooks()


STUDY = next(file for file in notebooks() if file.parent.name == "study")


def require_the_stored_outputs(file: Path) -> None:
    """Run a notebook, and check that the same cells have outputs as in the file."""
    executed, stored = execute(file), nbformat.read(file, as_version=4)
    assert [bool(cell.get("outputs")) for cell in executed.cells] == [
        bool(cell.get("outputs")) for cell in stored.cells
    ]


def test_study_runs_from_top_to_bottom_without_a_cloud() -> None:
    require_the_stored_outputs(STUDY)


@pytest.mark.parametrize("file", [file for file in notebooks() if file != STUDY], ids=lambda file: file.stem)
def test_notebook_runs_from_top_to_bottom(file: Path, stack: Stack, first_runs: FirstRuns) -> None:
    require_the_stored_outputs(file)


@every_notebook
def test_stored_outputs_are_small_and_private(file: Path) -> None:
    text = file.read_text()
    assert len(text) < MAXIMUM_BYTES
    assert re.findall(r"/(?:home|root|tmp|work|Users)/|https?://(?!github)|127\.0\.0\.1|localhost", text) == []
    assert "the study: " not in text
    assert '"output_type": "error"' not in text
    assert '"output_type"' in text


@every_notebook
def test_stored_outputs_come_from_one_run(file: Path) -> None:
    code = [cell for cell in nbformat.read(file, as_version=4).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))


def test_stored_outputs_of_the_study_come_from_synthetic_members() -> None:
    printed = [
        output.text
        for cell in nbformat.read(STUDY, as_version=4).cells
        for output in cell.get("outputs", [])
        if "text" in output
    ]
    assert printed[0].startswith("the generator: ")
