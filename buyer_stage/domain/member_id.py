"""What a member id can be."""

import re

UNUSABLE_CHARACTER = r"[\x00-\x1f\x7f-\x9f\u2028\u2029]"
"""Control characters and line breaks, as a regular expression for Python and Java.

An id with one of them would split a line of a CSV file or of a log."""

MAXIMUM_BYTES = 2048
"""Longest id that the table can have: the limit of a partition key in DynamoDB.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html"""


def has_unusable_character(text: str) -> bool:
    """Check whether a text contains an `UNUSABLE_CHARACTER`."""
    return re.search(UNUSABLE_CHARACTER, text) is not None


def is_well_formed(text: str) -> bool:
    """Check whether a text can be a member id in the table."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can spell
        return False
    return 0 < size <= MAXIMUM_BYTES and not has_unusable_character(text)
