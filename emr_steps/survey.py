"""Reads the survey: what members answered, and which snapshots are near their answers."""

import csv
import io
from dataclasses import dataclass
from datetime import date, timedelta

from buyer_stage.domain.datalake import SURVEY_COLUMNS
from buyer_stage.domain.errors import LabeledSetError
from buyer_stage.domain.features import MEMBER_ID
from buyer_stage.domain.labeled_set import ANSWER_WINDOW_DAYS
from buyer_stage.domain.member_id import has_unusable_character

ANSWER_WINDOW = timedelta(days=ANSWER_WINDOW_DAYS)


@dataclass(frozen=True)
class Answer:
    """What a member answered, and when. `stage_label_1` has the survey's spelling."""

    member_id: str
    start_date: date
    end_date: date
    stage_label_1: str

    def near_days(self) -> list[date]:
        """Return the days whose snapshots are near: those of the answer, a few before and a few after."""
        first = self.start_date - ANSWER_WINDOW
        return [first + timedelta(days=n) for n in range((self.end_date + ANSWER_WINDOW - first).days + 1)]


def parse_survey(text: str) -> list[Answer]:
    """Parse the survey.

    Args:
        text: CSV with a header.

    Raises:
        LabeledSetError: a column is missing, or a row has no usable member id or dates.
    """
    reader = csv.DictReader(io.StringIO(text))
    missing = [column for column in SURVEY_COLUMNS if column not in (reader.fieldnames or ())]
    if missing:
        raise LabeledSetError(
            f"the survey lacks the column {', '.join(missing)}; its header needs {', '.join(SURVEY_COLUMNS)}"
        )
    return [_parse_answer(row, reader.line_num) for row in reader]


def _parse_answer(row: dict[str, str], line_number: int) -> Answer:
    member_id = row[MEMBER_ID] or ""
    if not member_id.strip():
        raise LabeledSetError(f"line {line_number} of the survey has no {MEMBER_ID}")
    if has_unusable_character(member_id):
        raise LabeledSetError(
            f"line {line_number} of the survey ends a {MEMBER_ID} with a control character or line break; remove it"
        )
    try:
        start_date, end_date = date.fromisoformat(row["start_date"]), date.fromisoformat(row["end_date"])
    except (TypeError, ValueError):
        # The cause would repeat the field, which can be part of a member id if a comma is not quoted.
        raise LabeledSetError(
            f"line {line_number} of the survey needs dates YYYY-MM-DD in start_date and end_date"
        ) from None
    if end_date < start_date:
        raise LabeledSetError(
            f"line {line_number} of the survey has an answer that ends on {end_date}, before it starts"
        )
    return Answer(member_id, start_date, end_date, row["stage_label_1"] or "")
