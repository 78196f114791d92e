"""All generated contracts, so that `make contracts` writes what the tests compare."""

from pathlib import Path

from tools.contracts import consumer_profile, lookup
from tools.repository import REPOSITORY

FOLDER = REPOSITORY / "contracts"


def documents() -> dict[Path, str]:
    """Return the text of each contract by the file that holds it."""
    return {
        FOLDER / "consumer_profile.odcs.yaml": consumer_profile.render(),
        FOLDER / "lookup.openapi.json": lookup.render(),
    }
