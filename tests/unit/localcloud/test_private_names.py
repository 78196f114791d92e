"""Tests of the decision that lists the corrections of MiniStack."""

import ast
import re
from collections.abc import Iterator

from tools.repository import REPOSITORY

DECISION = REPOSITORY / "docs/decisions/0008-corrections-of-ministack.md"
PRIVATE = re.compile(r"_[a-zA-Z]\w*")


def private_names(source: str) -> Iterator[str]:
    """Yield the private names of MiniStack's modules in a source, as attributes or as names of wrapped functions."""
    tree = ast.parse(source)
    modules = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ministack")
        for alias in node.names
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            yield node.attr
        elif modules and isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_decision_counts_the_private_names_of_ministack() -> None:
    names = {
        (file.stem, name)
        for file in (REPOSITORY / "localcloud").rglob("*.py")
        for name in private_names(file.read_text())
        if PRIVATE.fullmatch(name) and not name.endswith("_")
    }
    (stated,) = re.findall(r"(\d+) private names", DECISION.read_text())
    assert len(names) == int(stated)


def test_decision_names_every_correction() -> None:
    corrections = {file.name for file in (REPOSITORY / "localcloud/corrections").glob("[a-z]*.py")}
    assert {name for name in corrections if f"corrections/{name}" not in DECISION.read_text()} == set()
