"""Scored lines become members with stages, or are rejected with a reason."""

import pytest

from buyer_stage.domain.stages import Stage
from buyer_stage.domain.transform_output import (
    OUTPUT_FILTER,
    PREDICTION_FILTER,
    InvalidScoredLineError,
    ScoredMember,
    parse_scored_line,
)

LABELS = "['Active Searcher', 'Casual Searcher', 'Dreamer', 'Ready To Transact']"


def test_probabilities_are_in_the_order_of_the_stages() -> None:
    scored = parse_scored_line(f'm1,Dreamer,"{LABELS}","[0.2, 0.3, 0.4, 0.1]"')
    assert scored == ScoredMember(
        "m1",
        Stage.DREAMER,
        {
            Stage.DREAMER: 0.4,
            Stage.CASUAL_SEARCHER: 0.3,
            Stage.ACTIVE_SEARCHER: 0.2,
            Stage.READY_TO_TRANSACT: 0.1,
        },
    )
    assert list(scored.probabilities) == list(Stage)


def test_blanks_aliases_and_fewer_labels_are_accepted() -> None:
    scored = parse_scored_line("""  m1 , Casual Explorer, "['Casual Explorer', 'Dreamer']", "[0.75, 0.25]" """)
    assert scored.member_id == "m1"
    assert scored.stage is Stage.CASUAL_SEARCHER
    assert scored.probabilities == {
        Stage.DREAMER: 0.25,
        Stage.CASUAL_SEARCHER: 0.75,
        Stage.ACTIVE_SEARCHER: 0.0,
        Stage.READY_TO_TRANSACT: 0.0,
    }


def test_probabilities_of_exactly_0_and_1_are_accepted() -> None:
    scored = parse_scored_line(f'm1,Dreamer,"{LABELS}","[0, 0.0, 1, 0]"')
    assert list(scored.probabilities.values()) == [1, 0, 0, 0]


@pytest.mark.parametrize("printed", ["[0.2, 0.3, 0.4, 0.1009]", "[0.2, 0.3, 0.4, 0.0991]"])
def test_rounded_probabilities_are_accepted(printed: str) -> None:
    assert parse_scored_line(f'm1,Dreamer,"{LABELS}","{printed}"').stage is Stage.DREAMER


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (f'm\r1,Dreamer,"{LABELS}","[0.2, 0.3, 0.4, 0.1]"', "control character"),
        (f'm1,Dreamer,"{LABELS}","{"-" * 1_000_000}"', "a field is too long"),
        (f'm1,Dreamer,"{LABELS}","[{"-" * 100_000}, 0.3, 0.4, 0.1]"', "not a number"),
        ("", "0 fields instead of 4"),
        ("m1,Dreamer", "2 fields instead of 4"),
        (f'm1,Dreamer,"{LABELS}","[0.2, 0.3, 0.4, 0.1]",more', "5 fields instead of 4"),
        (f' ,Dreamer,"{LABELS}","[0.2, 0.3, 0.4, 0.1]"', "no member_id"),
        (f'm1,Buyer,"{LABELS}","[0.2, 0.3, 0.4, 0.1]"', "unknown stage"),
        ("m1,Dreamer,\"['Dreamer', 'Buyer']\",\"[0.5, 0.5]\"", "unknown stage"),
        (f'm1,Dreamer,"{LABELS}","[0.2, 0.8]"', "4 labels, but 2 probabilities"),
        (f'm1,Dreamer,"{LABELS}","[0.2, 0.3, 0.4, \'x\']"', "not a number"),
        (f'm1,Dreamer,"{LABELS}",0.4', "not a list"),
        (f'm1,Dreamer,"{LABELS}",__import__("os")', "not a list"),
        ("m1,Dreamer,\"['Casual Searcher']\",[1.0]", "impossible probabilities"),
        (f'm1,Dreamer,"{LABELS}","[-0.2, 0.7, 0.4, 0.1]"', "impossible probabilities"),
        (f'm1,Dreamer,"{LABELS}","[1.0001, 0, 0, 0]"', "impossible probabilities"),
        (f'm1,Dreamer,"{LABELS}","[0.2, \'nan\', 0.4, 0.1]"', "impossible probabilities"),
        (f'm1,Dreamer,"{LABELS}","[0.2, 0.3, 0.4, 0.1011]"', "do not add up to 1"),
        (f'm1,Dreamer,"{LABELS}","[0.2, 0.3, 0.4, 0.0989]"', "do not add up to 1"),
    ],
)
def test_unusable_line_is_rejected_with_the_reason(line: str, reason: str) -> None:
    with pytest.raises(InvalidScoredLineError, match=reason) as raised:
        parse_scored_line(line)
    assert "Buyer" not in str(raised.value), "a field can be a part of a member id that is not quoted"


def test_filters_keep_the_member_id_and_the_three_fields_of_the_response() -> None:
    assert (OUTPUT_FILTER, PREDICTION_FILTER) == ("$[0,-3,-2,-1]", "$[-3,-2,-1]")
