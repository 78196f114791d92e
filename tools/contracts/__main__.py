"""Writes `contracts/`."""

from tools.contracts.documents import FOLDER, documents
from tools.repository import REPOSITORY


def main() -> None:
    """Write every contract."""
    FOLDER.mkdir(exist_ok=True)
    for file, text in documents().items():
        file.write_text(text)
        print(file.relative_to(REPOSITORY))


if __name__ == "__main__":
    main()
