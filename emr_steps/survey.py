"""Which stage a survey answer gives which member on which snapshot day: plain Python, a survey is small."""

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from buyer_stage.datalake import SURVEY_COLUMNS
from buyer_stage.errors import LabelledSetError
from buyer_stage.features import MEMBER_ID
from buyer_stage.labelled_set import ANSWER_WINDOW_DAYS
from buyer_stage.stages import STAGE_BY_SPELLING, Stage

ANSWER_WINDOW = timedelta(days=ANSWER_WINDOW_DAYS)


@dataclass(frozen=True)
class Answer:
    """What a member answered, and when; `stage` is None when the label names none."""

    member_id: str
    start_date: date
    end_date: date
    stage: Stage | None

    def labels(self, day: date) -> bool:
        """Tell whether the answer labels a snapshot: of its own days or of the few before them."""
        return self.start_date - ANSWER_WINDOW <= day <= self.end_date

    def is_just_before(self, day: date) -> bool:
        """Tell whether a snapshot follows so closely that only its knowing the future keeps it from a label."""
        return self.end_date < day <= self.end_date + ANSWER_WINDOW


@dataclass(frozen=True)
class MemberDay:
    """A member's snapshot that an answer is about; `stage` is None when the snapshot lies after the answer."""

    member_id: str
    snapshot_date: date
    stage: Stage | None


@dataclass(frozen=True)
class SurveyLabels:
    """The member-days that a survey labels, and what was left out.

    Attributes:
        member_days: at most one per member and snapshot, those after an answer included.
        answers: rows of the survey.
        answers_with_unknown_stage: left out, their label names no stage.
        members_with_conflicting_answers: left out, they named more than one stage for the same snapshot.
    """

    member_days: tuple[MemberDay, ...]
    answers: int
    answers_with_unknown_stage: int
    members_with_conflicting_answers: int


def parse_survey(text: str) -> list[Answer]:
    """Read the survey's CSV, with header.

    Raises:
        LabelledSetError: a column is missing, or a row has no member or no span of days.
    """
    reader = csv.DictReader(io.StringIO(text))
    missing = [column for column in SURVEY_COLUMNS if column not in (reader.fieldnames or ())]
    if missing:
        raise LabelledSetError(f"the survey has no column {', '.join(missing)}")
    return [_parse_answer(row, reader.line_num) for row in reader]


def label_member_days(answers: Sequence[Answer], snapshot_dates: Iterable[date]) -> SurveyLabels:
    """Give the stage of every member on the snapshots that their answers are about.

    Args:
        answers: of the survey.
        snapshot_dates: the snapshots that there are.
    """
    days = sorted(set(snapshot_dates))
    known = [answer for answer in answers if answer.stage is not None]
    stages: dict[tuple[str, date], set[Stage | None]] = defaultdict(set)
    for answer in known:
        for day in days:
            if answer.labels(day):
                stages[answer.member_id, day].add(answer.stage)
    conflicting = {member_id for (member_id, _), named in stages.items() if len(named) > 1}
    for answer in known:
        for day in days:
            if answer.is_just_before(day) and (answer.member_id, day) not in stages:
                stages[answer.member_id, day] = {None}
    return SurveyLabels(
        member_days=tuple(
            MemberDay(member_id, day, next(iter(named)))
            for (member_id, day), named in sorted(stages.items(), key=lambda item: item[0])
            if member_id not in conflicting
        ),
        answers=len(answers),
        answers_with_unknown_stage=len(answers) - len(known),
        members_with_conflicting_answers=len(conflicting),
    )


def _parse_answer(row: dict[str, str], line_number: int) -> Answer:
    member_id = row[MEMBER_ID] or ""
    if not member_id.strip():
        raise LabelledSetError(f"line {line_number} of the survey has no {MEMBER_ID}")
    try:
        start_date, end_date = date.fromisoformat(row["start_date"]), date.fromisoformat(row["end_date"])
    except (TypeError, ValueError) as error:
        raise LabelledSetError(f"line {line_number} of the survey has no days YYYY-MM-DD: {error}") from error
    if end_date < start_date:
        raise LabelledSetError(f"line {line_number} of the survey ends on {end_date}, before it starts")
    return Answer(member_id, start_date, end_date, STAGE_BY_SPELLING.get((row["stage_label_1"] or "").strip()))
