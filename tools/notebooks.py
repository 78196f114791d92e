"""Run the notebooks from top to bottom and keep their outputs.

python -m tools.notebooks        runs against the cloud that the environment variables point to
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
    """Return all notebooks, in reading order."""
    order = ("study", "model_dataset_generation", "model_train_validate_deploy")
    return [file for folder in order for file in sorted((FOLDER / folder).glob("*.ipynb"))]


def execute(file: Path) -> Any:
    """Run a notebook in its own folder and return it with its outputs.

    Outputs keep no metadata, so that a notebook changes only when its content does.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed; the message shows the cell.
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
    """Run all notebooks on synthetic data and write them with their outputs."""
    os.environ["BUYER_STAGE_SYNTHETIC"] = "1"
    for file in notebooks():
        nbformat.write(execute(file), file)  # type: ignore[no-untyped-call]
        print(file.relative_to(REPOSITORY))


if __name__ == "__main__":
    main()
