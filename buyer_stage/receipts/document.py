"""The receipt of an execution, which holds the documents that the execution used and wrote, as they are.

Whoever reads a receipt needs no other document. It does not name members: none of the documents in it does.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from buyer_stage.domain.documents import FeatureManifest, FeatureValidation, LabeledSetManifest
from buyer_stage.domain.serving_documents import Publication, PushReceipt
from buyer_stage.quality.drift import DriftReport
from buyer_stage.quality.model_card import ModelCard

RECEIPT_SCHEMA_VERSION = 1


class Pipeline(StrEnum):
    """The state machine of an execution."""

    ETL = "etl"
    ML = "ml"


class Outcome(StrEnum):
    """How an execution ended. For Step Functions, all but the first two have failed."""

    SUCCEEDED = "succeeded"
    ROLLED_BACK = "rolled back"
    SERVED_WITHOUT_TRAINING = "served, but the training failed"
    HELD = "held"
    """The audit kept the day from the table."""
    FAILED = "failed"


@dataclass(frozen=True)
class Failure:
    """What ended an execution.

    Attributes:
        state: the state that failed.
        error: name of the error.
        cause: what is wrong, where, and what to do.
    """

    state: str
    error: str
    cause: str


@dataclass(frozen=True)
class StateVisits:
    """The visits of a state.

    Attributes:
        name: name of the state.
        entered: seconds from the start of the execution to the first visit.
        seconds: duration of all visits.
        visits: number of visits; more than 1 for states of a poll loop.
    """

    name: str
    entered: float
    seconds: float
    visits: int


@dataclass(frozen=True)
class Job:
    """A cluster, job or run that an execution used.

    Attributes:
        kind: what it is, such as `batch transform`.
        name: its name in AWS.
        is_reused: whether it ran, or had ended, before the execution asked for it.
    """

    kind: str
    name: str
    is_reused: bool


@dataclass(frozen=True)
class RunReceipt:
    """An account of an execution.

    Attributes:
        pipeline: the pipeline.
        execution_arn: ARN of the execution.
        snapshot_date: the snapshot that was processed or brought back. If the input does not name a day, the day on
            which the execution started.
        started_at: when the execution started.
        ended_at: when it had done everything but the receipt and the notification.
        code_version: version of the code.
        input: input of the execution.
        outcome: how the execution ended.
        failure: what ended it early; None if nothing did.
        ttl_extension: what was done because items were about to expire; None if nothing had to be done.
        states: states with work or waiting, in the order of their first visits.
        jobs: clusters, jobs and runs, in the order of their use.
        sources: key of each document in this receipt -> SHA-256 (hex) of its bytes.
        features: manifest of the snapshot's features.
        validation: validation of these features.
        labeled_set: manifest of the labeled set; only in receipts of the ETL that built it.
        push: receipt of the push.
        publication: the live state, if the execution published it.
        drift: drift report of the snapshot.
        model_card: card of the model that scored the snapshot.
        challenger_card: card of the model that the execution trained, if it did not score the snapshot.
    """

    pipeline: Pipeline
    execution_arn: str
    snapshot_date: date
    started_at: datetime
    ended_at: datetime
    code_version: str
    input: dict[str, Any]
    outcome: Outcome
    failure: Failure | None
    ttl_extension: str | None
    states: tuple[StateVisits, ...]
    jobs: tuple[Job, ...]
    sources: dict[str, str]
    features: FeatureManifest | None = None
    validation: FeatureValidation | None = None
    labeled_set: LabeledSetManifest | None = None
    push: PushReceipt | None = None
    publication: Publication | None = None
    drift: DriftReport | None = None
    model_card: ModelCard | None = None
    challenger_card: ModelCard | None = None
    schema_version: int = RECEIPT_SCHEMA_VERSION

    @property
    def execution_name(self) -> str:
        """Name of the execution, which is unique in its state machine."""
        return self.execution_arn.rpartition(":")[2]
