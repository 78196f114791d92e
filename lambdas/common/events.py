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
        raise ValueError(str(error)) from None  # pydantic collects ValueErrors and adds the name of the field


SnapshotDate = Annotated[date, BeforeValidator(_day)]
"""A day written as `YYYYMMDD`, the way the state machines pass it."""


class ExecutionEvent(BaseModel):
    """Base class of the events. An unknown field is an error, because it is most likely a misspelled one.

    Attributes:
        execution_name: name of the Step Functions execution that calls.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    execution_name: str = Field(min_length=1, max_length=80)
