"""EMR nodes get the packages that the steps were tested with."""

import re

from tools.repository import REPOSITORY


def pins(text: str) -> dict[str, set[str]]:
    """Requirement -> hashes."""
    found = re.findall(r"^(\S+==\S+) \\\n((?:\s+--hash=\S+(?: \\)?\n?)+)", text, flags=re.MULTILINE)
    return {name: set(re.findall(r"--hash=(\S+)", hashes)) for name, hashes in found}


def test_nodes_get_exactly_what_the_steps_were_tested_with() -> None:
    on_nodes = pins((REPOSITORY / "emr_steps/bootstrap.sh").read_text())
    locked = pins((REPOSITORY / "requirements/dev.txt").read_text())
    assert set(on_nodes) == {"sqlglot==30.30.0"}
    assert on_nodes.items() <= locked.items()
