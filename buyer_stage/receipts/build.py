"""Derive the receipt of an execution from its history, and from the documents that it used and wrote.

The receipt covers what came before the state that has it written, so that it is the same when it is written again.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from buyer_stage.domain.errors import InvalidInputError, ScoresHeldError
from buyer_stage.domain.s3_layout import (
    CURRENT_PUBLICATION_KEY,
    LABELED_SET_MANIFEST_KEY,
    feature_manifest_key,
    feature_validation_key,
    model_card_key,
    push_receipt_key,
)
from buyer_stage.domain.snapshot_date import parse_snapshot_date
from buyer_stage.receipts.document import Failure, Job, Outcome, Pipeline, RunReceipt, StateVisits

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions.type_defs import HistoryEventTypeDef

RECEIPT_STATE = "WriteRunReceipt"
"""The state that has the receipt written."""

AFTER_SERVING_STATE = "HasTrainingFailed"
"""A state that an execution reaches only when the snapshot is served."""

EXITS_OF_WORK = frozenset({"TaskStateExited", "WaitStateExited"})
"""Types of the events with which states end that take time."""

Result = dict[str, Any]


@dataclass(frozen=True)
class History:
    """What an execution did before the state that has the receipt written.

    Attributes:
        input: input of the execution.
        started_at: when it started, in UTC.
        ended_at: when it had done everything, in UTC.
        states: the states that take time, in the order of their first visits.
        entered: names of all states that it entered.
        results: name of a state and result of its task, for each task that succeeded, in order.
    """

    input: dict[str, Any]
    started_at: datetime
    ended_at: datetime
    states: tuple[StateVisits, ...]
    entered: frozenset[str]
    results: tuple[tuple[str, Result], ...]

    def result(self, *states: str) -> Result:
        """Return the last result of the tasks of some states; empty if none has succeeded."""
        return next((result for state, result in reversed(self.results) if state in states), {})


@dataclass(frozen=True)
class Document:
    """A document of the pipeline bucket.

    Attributes:
        key: its key.
        sha256: SHA-256 (hex) of its bytes.
        content: the document.
    """

    key: str
    sha256: str
    content: Any


def read_history(events: "Iterable[HistoryEventTypeDef]") -> History | None:
    """Read the history of an execution, up to the first visit of the state that has the receipt written.

    Args:
        events: the events with their data, oldest first.

    Returns:
        The history; None if it does not show that visit yet.
    """
    given: Any = {}
    started_at: datetime | None = None
    state, entered_at = "", 0.0
    entered: set[str] = set()
    visits: dict[str, list[tuple[float, float]]] = {}
    results: list[tuple[str, Result]] = []
    for event in events:
        started_at = started_at or event["timestamp"]
        seconds = (event["timestamp"] - started_at).total_seconds()
        if started := event.get("executionStartedEventDetails"):
            given = json.loads(started["input"])
        elif entry := event.get("stateEnteredEventDetails"):
            state, entered_at = entry["name"], seconds
            if state == RECEIPT_STATE:
                return History(
                    given if isinstance(given, dict) else {"input": given},
                    started_at.astimezone(UTC),
                    event["timestamp"].astimezone(UTC),
                    tuple(_sum(name, times) for name, times in visits.items()),
                    frozenset(entered),
                    tuple(results),
                )
            entered.add(state)
        elif succeeded := event.get("taskSucceededEventDetails"):
            output = json.loads(succeeded["output"])
            results.append((state, output.get("Payload", output)))
        elif event["type"] in EXITS_OF_WORK:
            visits.setdefault(state, []).append((entered_at, seconds))
    return None


def _sum(name: str, visits: list[tuple[float, float]]) -> StateVisits:
    seconds = sum(exited - entered for entered, exited in visits)
    return StateVisits(name, round(visits[0][0], 3), round(seconds, 3), len(visits))


def resolve_snapshot_date(text: str, history: History) -> date:
    """Return the day of a receipt: the snapshot date, or the day on which the execution started if there is none.

    Args:
        text: what the state machine has as the snapshot date, which the input can spell wrong.
        history: history of the execution.
    """
    try:
        return parse_snapshot_date(text)
    except InvalidInputError:
        return history.started_at.date()


def document_keys(pipeline: Pipeline, snapshot_date: date, history: History) -> dict[str, str]:
    """Return which documents an execution has used or written, as far as it came.

    Args:
        pipeline: the pipeline.
        snapshot_date: the day of the receipt.
        history: history of the execution.

    Returns:
        Field of the receipt -> key of the document. Documents that were never written are among them.
    """
    features = {
        "features": feature_manifest_key(snapshot_date),
        "validation": feature_validation_key(snapshot_date),
    }
    if pipeline is Pipeline.ETL:
        written = {
            "features": "ProcessFeatures",
            "validation": "ValidateFeatures",
            "labeled_set": "BuildTrainingData",
        }
        keys = {**features, "labeled_set": LABELED_SET_MANIFEST_KEY}
        return {field: key for field, key in keys.items() if history.result(written[field])}
    keys = features if history.result("CheckDailyDataAvailability").get("available") else {}
    if run_name := _run_name(history):
        keys |= {"push": push_receipt_key(snapshot_date, run_name), "publication": CURRENT_PUBLICATION_KEY}
    if drift := history.result("CheckDrift"):
        keys["drift"] = drift["report"]
    scoring = _scoring_model(history)
    if scoring is not None:
        keys["model_card"] = model_card_key(scoring)
    # A rejected model has a card, although the state that judges it fails.
    trained = history.result("StartAutoML").get("automl_job_name") if "CreateAndSaveModel" in history.entered else None
    if trained not in (None, scoring):
        keys["challenger_card"] = model_card_key(trained)
    return keys


def _run_name(history: History) -> str | None:
    """Return the push that the execution waited for."""
    return history.result("StartUploadingToDynamoDB", "StartRollback").get("run_name")


def _scoring_model(history: History) -> str | None:
    """Return the version of the model that scored the snapshot."""
    if not history.result("StartBatchTransformation"):
        return None
    judged = history.result("CreateAndSaveModel")
    found = judged if judged.get("available") else history.result("CheckModelAvailability")
    version: str | None = found.get("model_version")
    return version


def build_receipt(
    pipeline: Pipeline,
    execution_arn: str,
    snapshot_date: date,
    history: History,
    documents: Mapping[str, Document],
    *,
    failure: Failure | None,
    ttl_extension: str | None,
    code_version: str,
) -> RunReceipt:
    """Return the receipt of an execution.

    Args:
        pipeline: the pipeline.
        execution_arn: ARN of the execution.
        snapshot_date: the day of the receipt.
        history: history of the execution.
        documents: field of the receipt -> document, from `document_keys`. Those that other executions have written
            again since this one used them are left out.
        failure: what ended the execution early; None if nothing did.
        ttl_extension: what was done because items were about to expire; None if nothing had to be done.
        code_version: version of the code.
    """
    used = dict(_used_documents(documents, history))
    return RunReceipt(
        pipeline=pipeline,
        execution_arn=execution_arn,
        snapshot_date=snapshot_date,
        started_at=history.started_at,
        ended_at=history.ended_at,
        code_version=code_version,
        input=history.input,
        outcome=_outcome(failure, history),
        failure=failure,
        ttl_extension=ttl_extension,
        states=history.states,
        jobs=_jobs(history),
        sources={document.key: document.sha256 for document in used.values()},
        **{field: document.content for field, document in used.items()},
    )


def _used_documents(documents: Mapping[str, Document], history: History) -> Iterator[tuple[str, Document]]:
    """Leave out the documents under fixed keys that are not the ones that the execution used."""
    manifest = documents.get("features")
    checked = history.result("CheckDailyDataAvailability").get("rows_checksum")
    is_same = manifest is not None and checked in (None, manifest.content.rows_checksum)
    for field, document in documents.items():
        match field:
            case "features":
                is_used = is_same
            case "validation":
                is_used = is_same and manifest is not None and document.content.manifest_sha256 == manifest.sha256
            case "publication":
                is_used = document.content.run_name == _run_name(history)
            case _:
                is_used = True
        if is_used:
            yield field, document


def _outcome(failure: Failure | None, history: History) -> Outcome:
    if failure is None:
        return Outcome.ROLLED_BACK if history.input.get("rollback_to") is not None else Outcome.SUCCEEDED
    if failure.error == ScoresHeldError.__name__:
        return Outcome.HELD
    return Outcome.SERVED_WITHOUT_TRAINING if AFTER_SERVING_STATE in history.entered else Outcome.FAILED


def _jobs(history: History) -> tuple[Job, ...]:
    """Return the jobs in the order of their use. The first task that names a job knows whether it is reused."""
    jobs: dict[str, Job] = {}
    for state, result in history.results:
        for job in _jobs_of(state, result):
            jobs.setdefault(job.name, job)
    return tuple(jobs.values())


def _jobs_of(state: str, result: Result) -> Iterator[Job]:
    """Yield the jobs that a task has started or found."""
    match state, result:
        case "CreateCluster", {"ClusterId": name}:
            yield Job("cluster", name, is_reused=False)
        case "StartAutoML", {"automl_job_name": str(name), "is_new": is_new}:
            yield Job("Autopilot job", name, not is_new)
        case "CreateCandidateModel", {"transform_job_names": names, "new_transform_job_names": new}:
            for name in names:
                yield Job("holdout transform", name, name not in new)
        case "StartBatchTransformation", {"transform_job_name": name, "is_new": is_new}:
            yield Job("batch transform", name, not is_new)
        case "StartUploadingToDynamoDB" | "StartRollback", {"run_name": str(name), "is_new": is_new}:
            yield Job("push", name, not is_new)
        case "StartTTLExtension", {"run_name": str(name)}:
            yield Job("ttl extension", name, is_reused=False)
