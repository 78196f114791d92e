"""Stages are ordered, and their spellings are recognized."""

import pytest

from buyer_stage.domain.stages import Stage, parse_stage


@pytest.mark.parametrize(
    ("label", "stage"),
    [
        ("Dreamer", Stage.DREAMER),
        ("Casual Searcher", Stage.CASUAL_SEARCHER),
        ("Casual Explorer", Stage.CASUAL_SEARCHER),
        ("Active Searcher", Stage.ACTIVE_SEARCHER),
        ("Ready To Transact", Stage.READY_TO_TRANSACT),
        (" Ready to Transact\t", Stage.READY_TO_TRANSACT),
    ],
)
def test_stage_names_and_aliases_are_accepted(label: str, stage: Stage) -> None:
    assert parse_stage(label) is stage


@pytest.mark.parametrize("label", ["", "dreamer", "Buyer"])
def test_unknown_label_is_an_error_that_quotes_it(label: str) -> None:
    with pytest.raises(ValueError, match="unknown stage; known: Dreamer, "):
        parse_stage(label)


def test_stages_go_from_furthest_to_nearest() -> None:
    assert list(Stage) == ["Dreamer", "Casual Searcher", "Active Searcher", "Ready To Transact"]
