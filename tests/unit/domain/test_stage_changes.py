"""A member's stage changes at once, or after several snapshots in a row have named another one."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buyer_stage.domain.stage_changes import ServedStage, next_served_stage
from buyer_stage.domain.stages import Stage

D, C, A = Stage.DREAMER, Stage.CASUAL_SEARCHER, Stage.ACTIVE_SEARCHER
NAMED = st.lists(st.sampled_from(Stage), min_size=1, max_size=12)


def serve(named: list[Stage], snapshots_before_change: int) -> list[Stage]:
    served: list[ServedStage] = []
    for stage in named:
        served.append(next_served_stage(stage, served[-1] if served else None, snapshots_before_change))
    return [one.stage for one in served]


@given(named=NAMED)
def test_without_a_wait_what_the_model_names_is_served(named: list[Stage]) -> None:
    assert serve(named, 1) == named


@pytest.mark.parametrize(
    ("named", "served"),
    [
        ([D, A, D, A, D], [D, D, D, D, D]),
        ([D, A, A, A], [D, D, A, A]),
        ([D, A, C, C], [D, D, C, C]),
        ([D, A, A, D, A], [D, D, A, A, A]),
    ],
    ids=["bouncing", "moved on", "no longer the old one, whichever the new", "back and forth"],
)
def test_a_stage_changes_when_two_in_a_row_disagree_with_it(named: list[Stage], served: list[Stage]) -> None:
    assert serve(named, 2) == served


@given(named=NAMED, snapshots_before_change=st.integers(1, 5))
def test_the_wait_is_bounded(named: list[Stage], snapshots_before_change: int) -> None:
    served = serve(named, snapshots_before_change)
    for end in range(snapshots_before_change, len(named) + 1):
        last = range(end - snapshots_before_change, end)
        assert any(served[run] is named[run] for run in last), "served for longer than the wait"


@given(named=NAMED, snapshots_before_change=st.integers(1, 5))
def test_waiting_never_changes_a_stage_more_often(named: list[Stage], snapshots_before_change: int) -> None:
    def changes(stages: list[Stage]) -> int:
        return sum(before is not after for before, after in pairwise(stages))

    assert changes(serve(named, snapshots_before_change)) <= changes(named)
