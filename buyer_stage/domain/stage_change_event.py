"""The events about served stages that product teams receive. `contracts/events/` is generated from these types."""

import hashlib
import json
from dataclasses import dataclass, fields
from datetime import date
from typing import ClassVar

from buyer_stage.domain.stages import Stage

EVENT_SOURCE = "buyer-stage"
"""`source` of every event, by which rules select the product's events."""

EVENT_SCHEMA_VERSION = 1
"""Changes when a reader of an event has to change."""


@dataclass(frozen=True)
class MemberStageChanged:
    """A member's served stage has changed.

    Attributes:
        event_id: the same each time that the event is sent; see `event_id`.
        member_id: the member.
        from_: stage served before; null for a new member.
        to: stage served now; null for a member whom a rollback has deleted.
        confidence: probability of the stage that is served now, 0 to 1; null without such a stage.
        snapshot_date: snapshot that is served now; a rollback goes back to an earlier one.
        model_version: model that scored the snapshot.
        sequence: of the publication. Events can arrive in any order: of a member's events, the highest sequence holds.
        schema_version: version of the event's fields.
    """

    detail_type: ClassVar[str] = "Member Stage Changed"

    event_id: str
    member_id: str
    from_: Stage | None
    to: Stage | None
    confidence: float | None
    snapshot_date: date
    model_version: str
    sequence: int
    schema_version: int = EVENT_SCHEMA_VERSION


@dataclass(frozen=True)
class RunEvent:
    """What a run did to the table as a whole. No member is named.

    Attributes:
        event_id: the same each time that the event is sent; see `event_id`.
        snapshot_date: the snapshot.
        model_version: model that scored the snapshot.
        sequence: of the live publication: the new one, or the one that stays if the day is held (0 for none).
        members: stage -> scored members; if the day is held, as they would have been served.
        changes: number of `Member Stage Changed` events with this sequence; 0 if the day is held.
        run_name: the push.
        execution_name: the execution that started it.
        schema_version: version of the event's fields.
    """

    detail_type: ClassVar[str]

    event_id: str
    snapshot_date: date
    model_version: str
    sequence: int
    members: dict[Stage, int]
    changes: int
    run_name: str
    execution_name: str
    schema_version: int = EVENT_SCHEMA_VERSION


@dataclass(frozen=True)
class ScoresPublished(RunEvent):
    """The table shows the scores of a snapshot, and all changes have been sent."""

    detail_type: ClassVar[str] = "Scores Published"


@dataclass(frozen=True)
class ScoresHeld(RunEvent):
    """The scores of a snapshot broke a rule of the audit, and the table stays as it was."""

    detail_type: ClassVar[str] = "Scores Held"


@dataclass(frozen=True)
class ScoresRolledBack(RunEvent):
    """The table shows the state of an earlier publication again, and all changes have been sent."""

    detail_type: ClassVar[str] = "Scores Rolled Back"


EVENT_TYPES: tuple[type[MemberStageChanged | RunEvent], ...] = (
    MemberStageChanged, ScoresPublished, ScoresHeld, ScoresRolledBack,
)  # fmt: skip


def event_id(*content: str | int | None) -> str:
    """Return the id of an event by what makes it the same event: 64 hexadecimal digits.

    A hash has the same length for every member id, and shows none to people who read it in a consumer's logs. It is not
    a secret: whoever knows a member id can compute the id of the event.

    Args:
        content: of a member's event, the member, both stages and the sequence.
    """
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def member_stage_changed(
    member_id: str,
    from_: str | None,
    to: str | None,
    confidence: float | None,
    *,
    snapshot_date: date,
    model_version: str,
    sequence: int,
) -> MemberStageChanged:
    """Return the event about a member.

    Args:
        member_id: the member.
        from_: as in `MemberStageChanged`, like the other arguments.
        to: the stage served now.
        confidence: the probability.
        snapshot_date: the snapshot.
        model_version: the model.
        sequence: of the publication.
    """
    return MemberStageChanged(
        event_id(member_id, from_, to, sequence),
        member_id,
        Stage(from_) if from_ else None,
        Stage(to) if to else None,
        confidence,
        snapshot_date,
        model_version,
        sequence,
    )


def to_detail(event: MemberStageChanged | RunEvent) -> str:
    """Return the `detail` of an event as JSON. The underscore of a name that Python reserves is left out."""
    values = {field.name.rstrip("_"): getattr(event, field.name) for field in fields(event)}
    return json.dumps(values, default=date.isoformat)
