"""Runs the notebooks from top to bottom and keeps their outputs, without what differs from run to run for no reason.

python -m tools.notebooks        (against the cloud that the environment points to)
"""

import os
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

from tools.repository import REPOSITORY

FOLDER = REPOSITORY / "notebooks"
SECONDS_PER_CELL = 900


def notebooks() -> list[Path]:
    """Give all notebooks, in the order in which they are read."""
    order = ("study", "model_dataset_generation", "model_train_validate_deploy")
    return [file for folder in order for file in sorted((FOLDER / folder).glob("*.ipynb"))]


def execute(file: Path) -> Any:
    """Run a notebook in its own folder and give it with its outputs.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed; the message shows it.
    """
    notebook: Any = nbformat.read(file, as_version=4)  # type: ignore[no-untyped-call]
    client = NotebookClient(notebook, timeout=SECONDS_PER_CELL, kernel_name="python3", record_timing=False)
    client.execute(cwd=str(file.parent))
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            output.get("metadata", {}).clear()
    notebook.metadata.pop("widgets", None)
    notebook.metadata["language_info"] = {"name": "python"}
    return notebook


def main() -> None:
    """Run all notebooks on synthetic data and keep their outputs."""
    os.environ["BUYER_STAGE_SYNTHETIC"] = "1"
    for file in notebooks():
        nbformat.write(execute(file), file)  # type: ignore[no-untyped-call]
        print(file.relative_to(REPOSITORY))


if __name__ == "__main__":
    main()
