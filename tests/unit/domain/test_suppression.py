import hashlib
import hmac
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buyer_stage.domain.errors import SuppressionError
from buyer_stage.domain.suppression import hash_member, parse_suppression_list, render_suppression_list

KEY = "a key of the tests"

MEMBER_IDS = st.sets(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))


@given(MEMBER_IDS, st.text("abc"))
def test_list_holds_the_hash_of_every_member_and_no_id(members: set[str], key: str) -> None:
    hashes = {hash_member(member, key) for member in members}

    text = render_suppression_list(hashes, key)

    assert parse_suppression_list(text, key) == hashes
    assert text == render_suppression_list(sorted(hashes, reverse=True), key)


def test_hash_is_the_hmac_of_the_member_id() -> None:
    expected = hmac.new(KEY.encode(), "m-é".encode(), hashlib.sha256).hexdigest()

    assert hash_member("m-é", KEY) == expected
    assert hash_member("m-é", "another key") != expected


def test_list_of_another_key_is_an_error_and_not_an_empty_list() -> None:
    text = render_suppression_list([hash_member("M1", KEY)], KEY)

    with pytest.raises(SuppressionError, match="belongs to another key"):
        parse_suppression_list(text, "another key")


def test_list_that_lost_members_is_an_error() -> None:
    document = json.loads(render_suppression_list([hash_member("M1", KEY), hash_member("M2", KEY)], KEY))
    document["member_hashes"].pop()

    with pytest.raises(SuppressionError, match="number of members that it states"):
        parse_suppression_list(json.dumps(document), KEY)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format_version": 1}', "null", "3"])
def test_damaged_list_is_an_error(text: str) -> None:
    with pytest.raises(SuppressionError, match="the suppression list is damaged"):
        parse_suppression_list(text, KEY)


def test_list_of_a_later_format_is_an_error() -> None:
    text = render_suppression_list([], KEY).replace('"format_version": 1', '"format_version": 2')

    with pytest.raises(SuppressionError, match="format version 2"):
        parse_suppression_list(text, KEY)
