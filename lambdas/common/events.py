"""What all events share."""

from datetime import date
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from buyer_stage.domain.errors import InvalidInputError
from buyer_stage.domain.snapshot_date import parse_snapshot_date


def _day(text: object) -> date:
    try:
        return parse_snapshot_date(str(text))
    except InvalidInputError as error:
        raise ValueError(str(error)) from None  # pydantic collects these and names the field


SnapshotDate = Annotated[date, BeforeValidator(_day)]
"""A day written as `YYYYMMDD`, as the state machines pass it."""


class ExecutionEvent(BaseModel):
    """Base of the events: which execution asks. An unknown field is an error, for it is a misspelt one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    execution_name: str = Field(min_length=1, max_length=80)
