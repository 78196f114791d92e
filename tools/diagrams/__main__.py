"""Writes `docs/diagrams/`."""

import sys

from tools.diagrams.architecture import DiagramError
from tools.diagrams.documents import FOLDER, documents
from tools.repository import REPOSITORY


def main() -> None:
    """Write every diagram; exit with a message when the architecture's map does not match Terraform."""
    try:
        written = documents()
    except DiagramError as error:
        sys.exit(str(error))
    FOLDER.mkdir(parents=True, exist_ok=True)
    for file, text in written.items():
        file.write_text(text)
        print(file.relative_to(REPOSITORY))


if __name__ == "__main__":
    main()
