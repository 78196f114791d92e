"""The four buyer stages, from furthest to nearest to a purchase, and how the survey spells them."""

from enum import StrEnum


class Stage(StrEnum):
    """How close a member is to buying a home. The order of definition is the order of closeness."""

    DREAMER = "Dreamer"
    """No timeline, or a year and more away."""
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
"""Other spellings found in survey answers. Accepted on input, never written."""

STAGE_BY_SPELLING: dict[str, Stage] = {**{stage.value: stage for stage in Stage}, **STAGE_ALIASES}
"""Every spelling that is accepted on input."""


def parse_stage(label: str) -> Stage:
    """Give the stage that a label names.

    Args:
        label: a stage's name or one of its aliases; surrounding white space is ignored.

    Raises:
        ValueError: the label names no stage.
    """
    stage = STAGE_BY_SPELLING.get(label.strip())
    if stage is None:
        raise ValueError(f"unknown stage {label!r}; known: {', '.join(STAGE_BY_SPELLING)}")
    return stage
