"""The JSON documents about the serving table: which state it has, and what a push did to it."""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from buyer_stage.domain.audit import RuleResult
from buyer_stage.domain.documents import InputWarning


class PushKind(StrEnum):
    """Where a push takes the new state from."""

    SCORES = "scores"
    """The scored lines of a snapshot."""
    ROLLBACK = "rollback"
    """An earlier state."""
    TTL_EXTENSION = "ttl extension"
    """The live state, whose items get more time before they expire."""


@dataclass(frozen=True)
class ServedState:
    """A complete state of the table: one row per member, in a folder that is never written again.

    Attributes:
        folder: prefix of the rows' part files in the pipeline bucket.
        snapshot_date: the snapshot that was served.
        model_version: the model that scored the snapshot.
        members: rows: the scored members, and earlier ones who have not expired.
        scored_members: members whom this snapshot scored.
        stages: served stage -> scored members.
        first_expiry: when the first item expires, in seconds since 1970; None without items.
        last_expiry: when the last item expires.
        previous: folder of the state that the table had before; None for the first one.
    """

    folder: str
    snapshot_date: date
    model_version: str
    members: int
    scored_members: int
    stages: dict[str, int]
    first_expiry: int | None
    last_expiry: int | None
    previous: str | None


@dataclass(frozen=True)
class Publication:
    """The live state: what the table holds, unless a push is writing or has died.

    Attributes:
        sequence: 1 for the first publication; each later one adds 1.
        kind: what was published.
        published_at: when the last item was written.
        run_name: the push.
        execution_name: the execution that started the push.
        state: the state.
        unsent_events: folders of the sets of changes whose events EventBridge has not all accepted, the oldest one
            first: that of this publication at first, and those that earlier publications have left.
    """

    sequence: int
    kind: PushKind
    published_at: datetime
    run_name: str
    execution_name: str
    state: ServedState
    unsent_events: tuple[str, ...] = ()


@dataclass(frozen=True)
class PendingPush:
    """The states that pushes have begun to write to the table since the last publication, the latest one last.

    Attributes:
        folders: prefixes of the states' part files.
    """

    folders: tuple[str, ...]


@dataclass(frozen=True)
class StageChanges:
    """How the served stages differ from the stages served for the snapshot before.

    Attributes:
        previous_snapshot_date: that snapshot; None when no item of it is left.
        previous_members: members who had a stage then.
        transitions: earlier stage -> current stage -> members who have both.
        waiting: members whose served stage does not follow the prediction yet (`stage_changes.next_served_stage`).
    """

    previous_snapshot_date: date | None
    previous_members: int
    transitions: dict[str, dict[str, int]]
    waiting: int

    def flip_rate(self) -> float | None:
        """Return the share of members whose stage has changed; None when no member has an earlier and a current one."""
        members = sum(sum(now.values()) for now in self.transitions.values())
        unchanged = sum(now[then] for then, now in self.transitions.items())
        return (members - unchanged) / members if members else None


@dataclass(frozen=True)
class PushReceipt:
    """An account of a push. If anything was written, `read == written + unchanged + quarantined + failed + suppressed`.

    A push of scores reads scored lines; other pushes read the rows of a state.

    Attributes:
        snapshot_date: the day that the stages describe.
        kind: where the new state came from.
        sequence: of the publication; None if nothing was published.
        expected: members whose features the ETL wrote; every one of them has a scored line.
        read: lines or rows read.
        changes: how the stages differ from those of the snapshot before, or of the live state if the new one is not
            from scores.
        written: items that DynamoDB has accepted for them.
        unchanged: lines or rows whose item is the one that the table has.
        quarantined: lines that the push refused and kept with the reason.
        failed: items that DynamoDB did not accept after all retries.
        suppressed: lines or rows of suppressed members, which the push left out.
        carried: members of the live state without a scored line, who stay until their items expire.
        corrected: items of carried members that a push had written before it died, and that are as before again.
        deleted: items deleted because their members are not in the new state.
        not_corrected: items to correct or to delete that DynamoDB did not accept.
        reasons: why items were to be written -> items, which add up to `written + failed`.
        stages: served stage -> members.
        predicted_stages: predicted stage -> members; differs from `stages` where a change waits.
        input_warnings: rules of the input checks that the snapshot's features break, from their manifest.
        accepted_input: why a person accepted the snapshot, whatever it breaks; empty if none did.
        audit: every rule with its value and limits.
        serve_anyway: why a person had the day served although it breaks rules.
        held: whether the audit has kept the day from the table.
        events_sent: events that EventBridge has accepted, also those that earlier pushes could not send.
        events_failed: events that it did not accept after all retries.
        errors: what ended the writing of some items, or the sending of some events, early.
    """

    snapshot_date: date
    kind: PushKind
    sequence: int | None
    expected: int
    read: int
    changes: StageChanges
    written: int = 0
    unchanged: int = 0
    quarantined: int = 0
    failed: int = 0
    suppressed: int = 0
    carried: int = 0
    corrected: int = 0
    deleted: int = 0
    not_corrected: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    stages: dict[str, int] = field(default_factory=dict)
    predicted_stages: dict[str, int] = field(default_factory=dict)
    input_warnings: tuple[InputWarning, ...] = ()
    accepted_input: str = ""
    audit: tuple[RuleResult, ...] = ()
    serve_anyway: str | None = None
    held: bool = False
    events_sent: int = 0
    events_failed: int = 0
    errors: tuple[str, ...] = ()

    def find_loss(self) -> str | None:
        """Say which lines, items or events are lost, with all counts; None when everything is accounted for."""
        if self.failed or self.not_corrected:
            problem = "DynamoDB did not accept all items"
        elif self.read != self.expected:
            problem = "the transform's output does not hold one line per member"
        elif not self.held and self.read != self.written + self.unchanged + self.quarantined + self.suppressed:
            problem = "the scored lines do not add up"
        elif self.events_failed:
            problem = f"EventBridge did not accept {self.events_failed} of the change events, and the table is complete"
        else:
            return None
        counts = (
            f"{self.read} read of {self.expected} expected, {self.written} written, {self.unchanged} unchanged, "
            f"{self.quarantined} quarantined, {self.failed + self.not_corrected} failed, {self.suppressed} suppressed"
        )
        return "; ".join([f"{problem}: {counts}", *self.errors])
