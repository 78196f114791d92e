"""The four buyer stages, from furthest from a purchase to nearest, and how the survey spells them."""

from enum import StrEnum


class Stage(StrEnum):
    """How close a member is to buying a home, from furthest to nearest."""

    DREAMER = "Dreamer"
    """No timeline, or a year or more away."""
    CASUAL_SEARCHER = "Casual Searcher"
    """7 to 12 months away."""
    ACTIVE_SEARCHER = "Active Searcher"
    """2 to 6 months away."""
    READY_TO_TRANSACT = "Ready To Transact"
    """Within a month."""


STAGE_ALIASES: dict[str, Stage] = {
    "Casual Explorer": Stage.CASUAL_SEARCHER,
    "Ready to Transact": Stage.READY_TO_TRANSACT,
}
"""Other spellings in survey answers, accepted on input and never written."""

STAGE_BY_SPELLING: dict[str, Stage] = {**{stage.value: stage for stage in Stage}, **STAGE_ALIASES}
"""All spellings accepted on input."""


def parse_stage(label: str) -> Stage:
    """Return the stage that a label spells.

    Args:
        label: a stage's name or one of its aliases; surrounding whitespace is ignored.

    Raises:
        ValueError: the label is not a known spelling of a stage.
    """
    stage = STAGE_BY_SPELLING.get(label.strip())
    if stage is None:
        raise ValueError(f"unknown stage; known: {', '.join(STAGE_BY_SPELLING)}")
    return stage
