"""All generated contracts, so that `make contracts` writes what the tests compare."""

import json
from pathlib import Path

from tools.contracts import consumer_profile, lookup, run_receipt, schemas
from tools.contracts.compatibility import find_breaks
from tools.repository import REPOSITORY

FOLDER = REPOSITORY / "contracts"


def documents() -> dict[Path, str]:
    """Return the text of each contract by the file that holds it."""
    return {
        FOLDER / "consumer_profile.odcs.yaml": consumer_profile.render(),
        FOLDER / "lookup.openapi.json": lookup.render(),
        FOLDER / "run_receipt.schema.json": run_receipt.render(),
        **{FOLDER / name: text for name, text in schemas.render().items()},
    }


def broken_contracts() -> list[str]:
    """Return what the code removes from those who rely on the committed contracts with product teams."""
    return [
        f"{file.relative_to(FOLDER)}: {problem}"
        for file, text in documents().items()
        if file.suffix == ".json" and file.exists()
        for problem in find_breaks(json.loads(file.read_text()), json.loads(text))
    ]
