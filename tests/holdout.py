"""A holdout of 100 members, 25 for each stage, and what better and worse models predict for it."""

import random

from buyer_stage.domain.features import MODEL_FEATURES
from buyer_stage.domain.labeled_set import SPLIT_FILE_COLUMNS
from buyer_stage.domain.stages import Stage

STAGES = [stage.value for stage in Stage]
ROWS = 100


def split_file(split: str) -> list[str]:
    """Return the lines of a split file, with header: as many members for each stage, all of them inactive."""
    features = ",".join("0" for _ in MODEL_FEATURES)
    lines = [f"{split}-{number},2020-01-30,{features},{STAGES[number % 4]}" for number in range(ROWS)]
    return [",".join(SPLIT_FILE_COLUMNS), *lines]


def scored_line(stage: int, probability: float) -> str:
    """Return a prediction that gives one stage a probability and the other three equal shares of the rest."""
    probabilities = [probability if index == stage else (1 - probability) / 3 for index in range(4)]
    predicted = STAGES[probabilities.index(max(probabilities))]
    return f'{predicted},"{STAGES!r}","{probabilities!r}"'


GOOD = [scored_line(number % 4, 0.7) for number in range(ROWS)]
BETTER = [scored_line(number % 4, 0.9) for number in range(ROWS)]
UNINFORMED = [scored_line(number % 4, 0.25) for number in range(ROWS)]
SURE_AND_WRONG = [scored_line((number + 1) % 4, 0.9) for number in range(ROWS)]
GUESSED = [scored_line(random.Random(number).randrange(4), 0.26) for number in range(ROWS)]
