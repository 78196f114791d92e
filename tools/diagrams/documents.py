"""The documents in `docs/diagrams/`."""

from pathlib import Path

from tools.diagrams.architecture import architecture_document
from tools.diagrams.modules import modules_document
from tools.diagrams.state_machines import state_machine_document
from tools.repository import REPOSITORY

FOLDER = REPOSITORY / "docs" / "diagrams"

STATE_MACHINES = {"etl_pipeline": "The ETL state machine", "ml_pipeline": "The ML state machine"}
"""File in `statemachine/` -> title of its document."""


def documents() -> dict[Path, str]:
    """Draw everything that `docs/diagrams/` holds.

    Returns:
        File -> text.

    Raises:
        DiagramError: the architecture's map does not match Terraform's resources.
    """
    return {
        FOLDER / "architecture.md": architecture_document(),
        FOLDER / "modules.md": modules_document(),
        **{FOLDER / f"{name}.md": state_machine_document(name, title) for name, title in STATE_MACHINES.items()},
    }
