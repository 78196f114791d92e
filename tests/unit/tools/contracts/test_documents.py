"""The committed contracts are those of the code."""

from tools.contracts.documents import FOLDER, documents


def test_committed_contracts_are_the_generated_ones() -> None:
    assert {file: file.read_text() for file in FOLDER.iterdir()} == documents(), "run `make contracts`"
