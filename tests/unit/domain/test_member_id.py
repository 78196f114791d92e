"""A member id must fit into a line and into the table's key."""

import pytest

from buyer_stage.domain.member_id import is_well_formed


@pytest.mark.parametrize("text", ["m1", "a/b c", "ü", "ü" * 1024, "💶", "'\"%"])
def test_ids_that_the_table_can_have_are_well_formed(text: str) -> None:
    assert is_well_formed(text)


@pytest.mark.parametrize("text", ["", "a\nb", "\x00", "\x7f", "\x85", "\u2028", "\ud800", "x" * 2049, "ü" * 1025])
def test_ids_that_the_table_cannot_have_are_not(text: str) -> None:
    assert not is_well_formed(text)
