"""The command reads a file of member ids, and its make targets do not take the demo's number of members for one."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from buyer_stage.domain.errors import InvalidInputError
from tests.unit.tools.members.conftest import FORGOTTEN
from tools.members import __main__ as command
from tools.repository import REPOSITORY


def test_ids_are_lines_and_keep_their_spaces(tmp_path: Path) -> None:
    file = tmp_path / "members"
    file.write_bytes("m1\r\n m 2\n\r\nm3,é".encode())
    assert command.read_members(file) == {"m1", " m 2", "m3,é"}


def test_file_that_cannot_be_used_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff")
    for name, problem in {"empty": "is empty", "binary": "UnicodeDecodeError", "missing": "FileNotFoundError"}.items():
        with pytest.raises(InvalidInputError, match=rf"{name}\b.*{problem}"):
            command.read_members(tmp_path / name)


@pytest.mark.parametrize("target", ["find-members", "forget-members"])
def test_make_asks_for_the_file(target: str) -> None:
    done = subprocess.run(["make", "-n", target], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert "set MEMBERS=<file with one member id per line>" in done.stderr


def test_output_has_counts_and_no_ids(make_environment: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = make_environment()
    monkeypatch.setattr(command, "deployed", {"test": environment.deployed}.get)
    console = Console(record=True, width=120)

    command.show_found("test", FORGOTTEN, console)
    command.forget_members("test", FORGOTTEN, console)

    text = console.export_text()
    assert "inference-results/" in text
    assert "4 items deleted. Receipt: erasure-receipts/" in text
    assert "MARK" not in text
