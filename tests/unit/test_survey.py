from datetime import date

import pytest

from buyer_stage.errors import LabelledSetError
from buyer_stage.stages import Stage
from emr_steps.survey import Answer, MemberDay, label_member_days, parse_survey

HEADER = "member_id,start_date,end_date,stage_label_1,stage_label_2,stage_label_3\n"


def february(day: int) -> date:
    return date(2020, 2, day)


def answer(member_id: str, day: int, stage: Stage | None, until: int | None = None) -> Answer:
    return Answer(member_id, february(day), february(until or day), stage)


ALL_DAYS = [february(day) for day in range(1, 15)]


def test_aliases_are_resolved_and_unknown_labels_are_none() -> None:
    answers = parse_survey(
        HEADER
        + "m1,2020-02-05,2020-02-05,Casual Explorer,x,x\n"
        + "m2,2020-02-05,2020-02-06, Ready to Transact ,x,x\n"
        + "m3,2020-02-05,2020-02-05,Just looking,Dreamer,Dreamer\n"
        + "m4,2020-02-05,2020-02-05,,x,x\n"
    )

    assert [a.stage for a in answers] == [Stage.CASUAL_SEARCHER, Stage.READY_TO_TRANSACT, None, None]
    assert answers[1] == answer("m2", 5, Stage.READY_TO_TRANSACT, until=6)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("member_id,start_date,end_date\n", "stage_label_1"),
        (HEADER + " ,2020-02-05,2020-02-05,Dreamer,x,x\n", "line 2 of the survey has no member_id"),
        (HEADER + "m1,05/02/2020,2020-02-05,Dreamer,x,x\n", "line 2 of the survey has no days"),
        (HEADER + "m1,2020-02-05\n", "line 2 of the survey has no days"),
        (HEADER + "m1,2020-02-05,2020-02-04,Dreamer,x,x\n", "before it starts"),
    ],
)
def test_damaged_survey_is_an_error_that_names_the_line(text: str, said: str) -> None:
    with pytest.raises(LabelledSetError, match=said):
        parse_survey(text)


def test_answer_labels_its_day_and_two_before_and_marks_two_after_as_the_future() -> None:
    labels = label_member_days([answer("m1", 5, Stage.DREAMER)], ALL_DAYS)

    assert labels.member_days == (
        *[MemberDay("m1", february(day), Stage.DREAMER) for day in (3, 4, 5)],
        *[MemberDay("m1", february(day), None) for day in (6, 7)],
    )


def test_answer_over_several_days_labels_all_of_them() -> None:
    labels = label_member_days([answer("m1", 5, Stage.DREAMER, until=7)], ALL_DAYS)

    assert [d.snapshot_date.day for d in labels.member_days if d.stage] == [3, 4, 5, 6, 7]


def test_member_with_two_stages_for_one_day_is_left_out_and_counted() -> None:
    labels = label_member_days(
        [answer("m1", 5, Stage.DREAMER), answer("m1", 7, Stage.ACTIVE_SEARCHER), answer("m2", 5, Stage.DREAMER)],
        ALL_DAYS,
    )

    assert labels.members_with_conflicting_answers == 1
    assert {d.member_id for d in labels.member_days} == {"m2"}


def test_same_stage_twice_is_one_row_per_day() -> None:
    labels = label_member_days([answer("m1", 5, Stage.DREAMER), answer("m1", 6, Stage.DREAMER)], ALL_DAYS)

    assert labels.members_with_conflicting_answers == 0
    assert [(d.snapshot_date.day, d.stage is not None) for d in labels.member_days] == [
        (3, True), (4, True), (5, True), (6, True), (7, False), (8, False),
    ]  # fmt: skip


def test_later_answer_labels_days_that_lie_after_an_earlier_one() -> None:
    labels = label_member_days([answer("m1", 5, Stage.DREAMER), answer("m1", 9, Stage.ACTIVE_SEARCHER)], ALL_DAYS)

    assert next(d.stage for d in labels.member_days if d.snapshot_date == february(7)) is Stage.ACTIVE_SEARCHER
    assert next(d.stage for d in labels.member_days if d.snapshot_date == february(6)) is None


def test_answer_without_a_stage_labels_nothing_and_is_counted() -> None:
    labels = label_member_days([answer("m1", 5, None)], ALL_DAYS)

    assert (labels.answers, labels.answers_with_unknown_stage, labels.member_days) == (1, 1, ())
