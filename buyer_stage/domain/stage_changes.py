"""When a member's served stage changes: at once, or after several snapshots in a row that predict another one."""

from dataclasses import dataclass

from buyer_stage.domain.stages import Stage


@dataclass(frozen=True)
class ServedStage:
    """The stage that the table holds for a member.

    Attributes:
        stage: the stage that product teams read.
        disagreeing_snapshots: number of snapshots in a row, up to this one, that predict another stage.
    """

    stage: Stage
    disagreeing_snapshots: int = 0


def next_served_stage(predicted: Stage, previous: ServedStage | None, snapshots_before_change: int) -> ServedStage:
    """Return the stage to serve for a snapshot.

    The wait is bounded: after the predictions leave a served stage, it is served for `snapshots_before_change` - 1 more
    snapshots, whichever other stages are predicted meanwhile.

    Args:
        predicted: the stage that the model predicts for this snapshot.
        previous: what was served for the previous snapshot; None when nothing was.
        snapshots_before_change: snapshots in a row that must disagree before the stage changes, 1 or more; 1 changes
            it at once.
    """
    if previous is None or predicted is previous.stage or previous.disagreeing_snapshots + 1 >= snapshots_before_change:
        return ServedStage(predicted)
    return ServedStage(previous.stage, previous.disagreeing_snapshots + 1)
