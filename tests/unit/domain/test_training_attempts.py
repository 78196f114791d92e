"""A labeled set is trained on once; failures are repeated a few times, with growing pauses."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buyer_stage.domain.training_attempts import Attempt, Continue, Outcome, Refuse, Start, decide

DAY = date(2020, 2, 1)
FAILED = Attempt("job-1", DAY, Outcome.FAILED)
RUNNING = Attempt("job-1", DAY, Outcome.RUNNING)
TRAINED = Attempt("job-1", DAY, Outcome.TRAINED)
PENDING = replace(TRAINED, approval_status="PendingManualApproval", verdict="not clearly better")
DELETED = replace(TRAINED, outcome=Outcome.DELETED)


def after(*attempts: Attempt, days: int = 0, retrain: bool = False) -> Start | Continue | Refuse:
    numbered = [replace(attempt, job_name=f"job-{number}") for number, attempt in enumerate(attempts, 1)]
    return decide(numbered, retrain=retrain, today=DAY + timedelta(days=days))


def test_first_attempt_is_started() -> None:
    assert after() == Start(1, "attempt 1 on this labeled set")


@pytest.mark.parametrize("retrain", [False, True])
def test_running_job_is_joined(retrain: bool) -> None:
    assert after(FAILED, RUNNING, retrain=retrain) == Continue("job-2", "job-2 is running")


def test_finished_job_is_resumed_while_its_model_is_not_registered() -> None:
    decision = after(FAILED, TRAINED, days=99)
    assert decision == Continue("job-2", "job-2 has ended, and its model is not registered yet")


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("PendingManualApproval", "job-1 waits for approval: not clearly better. .* `make approve-model`, and start"),
        ("Rejected", "job-1 was rejected: not clearly better. .* before training again"),
        ("Approved", "job-1 has been trained on this labeled set and was approved"),
    ],
)
def test_registered_model_is_not_trained_again_whatever_its_status_and_age(status: str, reason: str) -> None:
    decision = after(replace(PENDING, approval_status=status), days=999)
    assert isinstance(decision, Refuse)
    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(decision.reason)


def test_a_person_can_train_again_after_a_success_and_without_waiting_after_a_failure() -> None:
    assert isinstance(after(PENDING, retrain=True), Start)
    assert isinstance(after(TRAINED, retrain=True), Start)  # its model can be one that is never registered
    assert isinstance(after(FAILED, FAILED, FAILED, FAILED, retrain=True), Start)


def test_failed_retraining_is_not_repeated_while_the_first_model_is_there() -> None:
    assert isinstance(after(PENDING, FAILED, days=99), Refuse)


@pytest.mark.parametrize(("failures", "pause"), [(1, 1), (2, 2), (3, 4)])
def test_failed_attempt_is_repeated_after_a_pause(failures: int, pause: int) -> None:
    early = after(*[FAILED] * failures, days=pause - 1)
    assert isinstance(early, Refuse)
    assert f"The next attempt is on {(DAY + timedelta(days=pause)).isoformat()}" in early.reason
    assert f"failed {failures} times, last as job-{failures}" in early.reason
    assert after(*[FAILED] * failures, days=pause) == Start(failures + 1, f"attempt {failures + 1} on this labeled set")


def test_there_is_no_fifth_attempt() -> None:
    decision = after(*[FAILED] * 4, days=999)
    assert isinstance(decision, Refuse)
    assert "no further attempt until the labeled set changes" in decision.reason
    assert "`make start-ml RETRAIN=1`" in decision.reason


def test_attempt_follows_a_deleted_one_at_once() -> None:
    assert isinstance(after(DELETED), Start)
    assert isinstance(after(FAILED, FAILED, DELETED), Start)
    assert isinstance(after(DELETED, FAILED), Refuse)


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=60))
def test_any_history_of_days_trains_once_and_repeats_failures_one_two_and_four_days_apart(
    days: list[tuple[int, bool]],
) -> None:
    attempts: list[Attempt] = []
    today = DAY
    for passed, succeeds in days:
        today += timedelta(days=passed)
        decision = decide(attempts, retrain=False, today=today)
        if isinstance(decision, Start):
            assert decision.attempt == len(attempts) + 1
            attempts.append(replace(PENDING if succeeds else FAILED, job_name=f"job-{len(attempts)}", start_day=today))
    outcomes = [attempt.outcome for attempt in attempts]
    assert len(attempts) <= 4
    assert Outcome.TRAINED not in outcomes[:-1]
    pauses = [(later.start_day - earlier.start_day).days for earlier, later in pairwise(attempts)]
    assert all(pause >= least for pause, least in zip(pauses, (1, 2, 4), strict=False))


def test_a_failing_training_on_a_daily_schedule_is_repeated_on_the_first_third_and_seventh_day_after() -> None:
    attempts: list[Attempt] = []
    for day in range(30):
        if isinstance(decide(attempts, retrain=False, today=DAY + timedelta(days=day)), Start):
            attempts.append(replace(FAILED, start_day=DAY + timedelta(days=day)))
    assert [(attempt.start_day - DAY).days for attempt in attempts] == [0, 1, 3, 7]
