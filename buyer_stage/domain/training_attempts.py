"""Decides whether to train on a labeled set: never twice, and not every day when the training fails."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum
from itertools import takewhile

PAUSE_DAYS = (1, 2, 4)
"""Days from the start of the first, second and third failed attempt to the next one. There is no fifth attempt."""


class Outcome(Enum):
    """What became of an attempt."""

    RUNNING = "running"
    TRAINED = "trained"
    """The job has a best candidate, and its complete output is there."""
    DELETED = "deleted"
    """The job has a best candidate, but part of its output is not there any more."""
    FAILED = "failed"


@dataclass(frozen=True)
class Attempt:
    """One training on a labeled set.

    Attributes:
        job_name: name of the Autopilot job, and of the model that it trains.
        start_day: day on which it started.
        outcome: what became of it.
        approval_status: approval status of its model in the registry; None if the model is not registered.
        verdict: reason for the approval status; empty if the model is not registered.
    """

    job_name: str
    start_day: date
    outcome: Outcome
    approval_status: str | None = None
    verdict: str = ""


@dataclass(frozen=True)
class Start:
    """Start the attempt with this number, which counts from 1."""

    attempt: int
    reason: str


@dataclass(frozen=True)
class Continue:
    """Wait for this job, and judge and register its model."""

    job_name: str
    reason: str


@dataclass(frozen=True)
class Refuse:
    """Do not train."""

    reason: str


def decide(attempts: Sequence[Attempt], *, retrain: bool, today: date) -> Start | Continue | Refuse:
    """Decide what to do when a training on a labeled set is wanted.

    Days are calendar days, so that a daily schedule at a fixed hour is neither early nor late.

    Args:
        attempts: all attempts on the same labeled set with the same search, the first attempt first.
        retrain: whether a person asks for a training, which can follow a success and needs no pause.
        today: the day to decide for.
    """
    trained = [attempt for attempt in attempts if attempt.outcome is Outcome.TRAINED]
    if attempts and attempts[-1].outcome is Outcome.RUNNING:
        return Continue(attempts[-1].job_name, f"{attempts[-1].job_name} is running")
    start = Start(len(attempts) + 1, f"attempt {len(attempts) + 1} on this labeled set")
    # Before the next case, because a model that can never be registered would otherwise be continued indefinitely.
    if retrain:
        return start
    if trained and trained[-1].approval_status is None:
        return Continue(trained[-1].job_name, f"{trained[-1].job_name} has ended, and its model is not registered yet")
    if trained:
        return Refuse(status_of_model(trained[-1].job_name, trained[-1].approval_status, trained[-1].verdict))
    failures = list(takewhile(lambda attempt: attempt.outcome is Outcome.FAILED, reversed(attempts)))
    return _after_failures(failures, today) or start


def _after_failures(failures: Sequence[Attempt], today: date) -> Refuse | None:
    """Refuse the next attempt after failures, the last failure first; return None if it is due."""
    if not failures:
        return None
    failed = f"the training on this labeled set has failed {len(failures)} times, last as {failures[0].job_name}"
    remedy = "Read the job's log and correct the cause; `make start-ml RETRAIN=1` starts an attempt without waiting"
    if len(failures) > len(PAUSE_DAYS):
        return Refuse(f"{failed}. There is no further attempt until the labeled set changes. {remedy}")
    due = failures[0].start_day + timedelta(days=PAUSE_DAYS[len(failures) - 1])
    return Refuse(f"{failed}. The next attempt is on {due.isoformat()}. {remedy}") if today < due else None


def status_of_model(model_version: str, approval_status: str | None, verdict: str) -> str:
    """Return a sentence that says what a registered model waits for, and what to do.

    Args:
        model_version: version of the model.
        approval_status: `Approved`, `Rejected` or `PendingManualApproval`.
        verdict: reason for the approval status.
    """
    match approval_status:
        case "Approved":
            return f"model {model_version} has been trained on this labeled set and was approved"
        case "Rejected":
            return (
                f"model {model_version} was rejected: {verdict}. Read its model card, and improve the labeled set or "
                "the features before training again"
            )
        case _:
            return (
                f"model {model_version} waits for approval: {verdict}. Read its model card, approve it with "
                "`make approve-model`, and start again"
            )
