"""Writes `contracts/`, unless a contract would break what others rely on."""

import sys

from tools.contracts.documents import broken_contracts, documents
from tools.repository import REPOSITORY


def main() -> None:
    """Write every contract, or none."""
    if problems := broken_contracts():
        sys.exit("\n".join(problems))
    for file, text in documents().items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        print(file.relative_to(REPOSITORY))


if __name__ == "__main__":
    main()
