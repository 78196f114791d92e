"""When a member's stage changes: at once, or only after several snapshots in a row have named another one."""

from dataclasses import dataclass

from buyer_stage.domain.stages import Stage


@dataclass(frozen=True)
class ServedStage:
    """The stage that a member has in the serving table.

    Attributes:
        stage: what product teams read.
        disagreeing_snapshots: how many in a row, up to this one, the model has named another stage of.
    """

    stage: Stage
    disagreeing_snapshots: int = 0


def next_served_stage(named: Stage, previous: ServedStage | None, snapshots_before_change: int) -> ServedStage:
    """Give the stage to serve, after the model has named one.

    The wait is bounded: a stage that the model no longer names is served for `snapshots_before_change` - 1 more
    snapshots, whichever others it names meanwhile.

    Args:
        named: by the model, of this snapshot.
        previous: what was served of the snapshot before; None when nothing was.
        snapshots_before_change: snapshots in a row that must disagree before the stage changes; 1 changes it at once.
    """
    if previous is None or named is previous.stage or previous.disagreeing_snapshots + 1 >= snapshots_before_change:
        return ServedStage(named)
    return ServedStage(previous.stage, previous.disagreeing_snapshots + 1)
