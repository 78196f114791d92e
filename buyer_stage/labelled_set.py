"""How labelled members are split, and how far a survey answer may lie from the snapshot it labels."""

import hashlib

SPLIT_SHARES: dict[str, int] = {"train": 70, "validation": 15, "test": 15}
"""Split -> percent of the members."""

ANSWER_WINDOW_DAYS = 2
"""An answer labels the snapshots of its day and of this many days before. Later ones would tell the future."""


def split_of(member_id: str) -> str:
    """Give the split of a member: the same on every day and in every run, so that no member is in two."""
    percent = int(hashlib.sha256(member_id.encode()).hexdigest()[:8], 16) % sum(SPLIT_SHARES.values())
    for split, share in SPLIT_SHARES.items():
        if percent < share:
            return split
        percent -= share
    raise AssertionError("the shares cover every percent")
