"""The survey keeps its spelling when it is read, and damage in it is an error that names the line."""

from datetime import date

import pytest

from buyer_stage.domain.errors import LabeledSetError
from emr_steps.survey import Answer, parse_survey

HEADER = "member_id,start_date,end_date,stage_label_1,stage_label_2,stage_label_3\n"


def test_answers_keep_every_character_of_their_labels() -> None:
    answers = parse_survey(
        HEADER + '"a,b",2020-02-05,2020-02-06, Ready to Transact ,x,x\n' + "m4,2020-02-05,2020-02-05,,x,x\n"
    )

    assert answers == [
        Answer("a,b", date(2020, 2, 5), date(2020, 2, 6), " Ready to Transact "),
        Answer("m4", date(2020, 2, 5), date(2020, 2, 5), ""),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("member_id,start_date,end_date\n", "stage_label_1"),
        (HEADER + " ,2020-02-05,2020-02-05,Dreamer,x,x\n", "line 2 of the survey has no member_id"),
        (HEADER + '"m\n1",2020-02-05,2020-02-05,Dreamer,x,x\n', "line 3 of the survey ends a member_id with a control"),
        (HEADER + "m1,05/02/2020,2020-02-05,Dreamer,x,x\n", "line 2 of the survey needs dates YYYY-MM-DD"),
        (HEADER + "m1,2020-02-05\n", "line 2 of the survey needs dates YYYY-MM-DD"),
        (HEADER + "m1,2020-02-05,2020-02-04,Dreamer,x,x\n", "before it starts"),
    ],
)
def test_damaged_survey_is_an_error_that_names_the_line(text: str, said: str) -> None:
    with pytest.raises(LabeledSetError, match=said):
        parse_survey(text)


def test_days_near_an_answer_are_its_own_two_before_and_two_after() -> None:
    days = Answer("m1", date(2020, 2, 29), date(2020, 3, 1), "Dreamer").near_days()
    assert [f"{day:%m%d}" for day in days] == ["0227", "0228", "0229", "0301", "0302", "0303"]
