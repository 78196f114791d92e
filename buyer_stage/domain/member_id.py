"""Which characters a member id cannot contain."""

import re

UNUSABLE_CHARACTER = r"[\x00-\x1f\x7f-\x9f\u2028\u2029]"
"""Control characters and line breaks, as a regular expression for Python and Java.

An id with one of them would split a line of a CSV file or of a log."""


def has_unusable_character(text: str) -> bool:
    """Check whether a text contains an `UNUSABLE_CHARACTER`."""
    return re.search(UNUSABLE_CHARACTER, text) is not None
