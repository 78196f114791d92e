"""The suppression list of a pipeline bucket that is a folder."""

from pathlib import Path

from buyer_stage.domain.s3_layout import SUPPRESSION_LIST_KEY
from buyer_stage.domain.suppression import hash_member, render_suppression_list

KEY = "a key of the tests"


def suppress(bucket: Path, *members: str, key: str = KEY) -> None:
    """Write the suppression list."""
    (bucket / SUPPRESSION_LIST_KEY).parent.mkdir(parents=True, exist_ok=True)
    text = render_suppression_list({hash_member(member, key) for member in members}, key)
    (bucket / SUPPRESSION_LIST_KEY).write_text(text)


def holding(bucket: Path, text: str) -> list[str]:
    """Return the files below a folder that hold a text."""
    files = (file for file in bucket.rglob("*") if file.is_file())
    return [str(file.relative_to(bucket)) for file in files if text.encode() in file.read_bytes()]
