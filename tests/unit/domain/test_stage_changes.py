"""A served stage changes at once, or after several snapshots in a row that predict another stage."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buyer_stage.domain.stage_changes import ServedStage, next_served_stage
from buyer_stage.domain.stages import Stage

D, C, A = Stage.DREAMER, Stage.CASUAL_SEARCHER, Stage.ACTIVE_SEARCHER
PREDICTED = st.lists(st.sampled_from(Stage), min_size=1, max_size=12)


def serve(predicted: list[Stage], snapshots_before_change: int) -> list[Stage]:
    served: list[ServedStage] = []
    for stage in predicted:
        served.append(next_served_stage(stage, served[-1] if served else None, snapshots_before_change))
    return [one.stage for one in served]


@given(predicted=PREDICTED)
def test_without_a_wait_the_predicted_stage_is_served(predicted: list[Stage]) -> None:
    assert serve(predicted, 1) == predicted


@pytest.mark.parametrize(
    ("predicted", "served"),
    [
        ([D, A, D, A, D], [D, D, D, D, D]),
        ([D, A, A, A], [D, D, A, A]),
        ([D, A, C, C], [D, D, C, C]),
        ([D, A, A, D, A], [D, D, A, A, A]),
    ],
    ids=["bouncing", "moved on", "two different stages in a row", "back for one snapshot"],
)
def test_a_stage_changes_when_two_snapshots_in_a_row_disagree(predicted: list[Stage], served: list[Stage]) -> None:
    assert serve(predicted, 2) == served


@given(predicted=PREDICTED, snapshots_before_change=st.integers(1, 5))
def test_the_wait_is_bounded(predicted: list[Stage], snapshots_before_change: int) -> None:
    served = serve(predicted, snapshots_before_change)
    for end in range(snapshots_before_change, len(predicted) + 1):
        last = range(end - snapshots_before_change, end)
        assert any(served[run] is predicted[run] for run in last), "served for longer than the wait"


@given(predicted=PREDICTED, snapshots_before_change=st.integers(1, 5))
def test_waiting_never_changes_a_stage_more_often(predicted: list[Stage], snapshots_before_change: int) -> None:
    def changes(stages: list[Stage]) -> int:
        return sum(before is not after for before, after in pairwise(stages))

    assert changes(serve(predicted, snapshots_before_change)) <= changes(predicted)
