"""An error shows what happened and where, and no value that the failing code handled."""

import json
import traceback

import pytest

from buyer_stage.domain.errors import LabeledSetError
from buyer_stage.domain.failures import UnexpectedError, without_values
from buyer_stage.domain.labeled_set import member_of
from buyer_stage.domain.member_id import has_unusable_character

MEMBER = "m4711-marked"


def printed(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


def test_error_of_another_library_names_its_class_and_our_line() -> None:
    with (
        pytest.raises(UnexpectedError, match=r"^Error in buyer_stage\.domain\.labeled_set, line \d+;") as raised,
        without_values(),
    ):
        member_of(MEMBER + "x" * 131_073)
    assert "return next(csv.reader" in printed(raised.value), "the traceback stays"
    assert MEMBER not in printed(raised.value)


def test_error_on_purpose_stays_and_loses_its_cause() -> None:
    def fail() -> None:
        try:
            json.loads(f'{{"{MEMBER}": 1}}')[f"{MEMBER}-2"]
        except KeyError as error:
            raise LabeledSetError("a member is missing") from error

    with pytest.raises(LabeledSetError, match="a member is missing") as raised, without_values():
        fail()
    assert "in fail" in printed(raised.value)
    assert MEMBER not in printed(raised.value)


def test_trusted_error_stays() -> None:
    error = OSError("disk full")
    with pytest.raises(OSError, match="disk full") as raised, without_values(OSError):
        raise error
    assert raised.value is error


@pytest.mark.parametrize("text", ["m\n1", "m\r1", "m\t1", "m\x001", "m\x851", "m\u20281"])
def test_character_that_splits_a_line_is_unusable(text: str) -> None:
    assert has_unusable_character(text)


@pytest.mark.parametrize("text", ["007", "a,b", ' padded "quoted" ', "é", "back\\slash", "会员"])
def test_any_other_character_is_usable(text: str) -> None:
    assert not has_unusable_character(text)
