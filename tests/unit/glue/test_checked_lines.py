"""Which scored lines become items, and why the others are quarantined. The push's tests run the same on Spark."""

import pytest

from buyer_stage.domain.stages import Stage
from buyer_stage.domain.suppression import hash_member
from buyer_stage.domain.transform_output import ScoredMember
from buyer_stage.spark.suppression import SuppressedMembers
from glue.checked_lines import MAXIMUM_KEY_BYTES, Refusal, Suppression, check_line, refuse_repeated_members

NOBODY = SuppressedMembers()

LABELS = "\"['Active Searcher', 'Casual Searcher', 'Dreamer', 'Ready To Transact']\""


def scored(member_id: str, stage: str = "Dreamer") -> str:
    return f'{member_id},{stage},{LABELS},"[0.2, 0.2, 0.4, 0.2]"'


def test_good_line_is_keyed_by_its_member_and_parsed() -> None:
    line = scored('"x,""1"""')

    key, outcome = check_line(line, NOBODY)

    assert key == ('x,"1"', line)
    assert isinstance(outcome, ScoredMember)
    assert (outcome.member_id, outcome.stage) == ('x,"1"', Stage.DREAMER)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (scored("", "Dreamer"), "no member_id"),
        (scored("b", "Buyer"), "unknown stage 'Buyer'"),
        ("c,Dreamer", "2 fields instead of 4"),
        ("", "0 fields instead of 4"),
        ("a", "1 fields instead of 4"),
        (scored("d\rd"), "new-line character"),
        (scored("i" * (MAXIMUM_KEY_BYTES + 1)), "longer than 2048 bytes"),
        (scored("é" * (MAXIMUM_KEY_BYTES // 2 + 1)), "longer than 2048 bytes"),
    ],
)
def test_bad_line_is_refused_with_the_reason_and_keyed_by_itself(line: str, reason: str) -> None:
    key, outcome = check_line(line, NOBODY)

    assert key == (line, line)
    assert isinstance(outcome, Refusal)
    assert reason in outcome.reason


def test_longest_member_id_that_dynamodb_accepts_is_not_refused() -> None:
    assert isinstance(check_line(scored("i" * MAXIMUM_KEY_BYTES), NOBODY)[1], ScoredMember)


def test_only_the_first_of_a_members_lines_is_kept_and_the_reason_does_not_name_the_member() -> None:
    first, second, third = scored("b", "Active Searcher"), scored("b"), scored("b", "Ready To Transact")
    lines = sorted(check_line(line, NOBODY) for line in (third, scored("a"), first, scored("c"), second))

    outcomes = list(refuse_repeated_members(lines))

    repeated = Refusal("another line has the same member_id")
    assert [line for line, outcome in outcomes if isinstance(outcome, ScoredMember)] == [
        scored("a"),
        first,
        scored("c"),
    ]
    assert {line: outcome for line, outcome in outcomes if isinstance(outcome, Refusal)} == {
        second: repeated,
        third: repeated,
    }


def test_refused_line_between_two_lines_of_a_member_does_not_hide_that_they_repeat() -> None:
    lines = [check_line(line, NOBODY) for line in (scored("b", "Active Searcher"), "bad", scored("b"))]

    kept = [outcome for _, outcome in refuse_repeated_members(lines) if isinstance(outcome, ScoredMember)]

    assert [member.stage for member in kept] == [Stage.ACTIVE_SEARCHER]


@pytest.mark.parametrize(
    "line", [scored("b"), scored('"b"'), scored(" b"), scored("b", "Buyer"), "b", "b,Dreamer", "b,\r,Dreamer"]
)
def test_line_of_a_suppressed_member_is_left_out_even_if_it_is_damaged(line: str) -> None:
    suppressed = SuppressedMembers(frozenset({hash_member("b", "key")}), "key")

    assert check_line(line, suppressed) == ((line, line), Suppression())
    assert not isinstance(check_line(line.replace("b", "a", 1), suppressed)[1], Suppression)
