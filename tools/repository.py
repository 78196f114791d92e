"""The location of this repository."""

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
"""The folder of the clone, as an absolute path."""
