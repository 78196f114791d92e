"""Writes the receipt of an execution, as a document and as a page, before the execution ends."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import boto3
from aws_lambda_powertools.metrics import MetricUnit
from pydantic import BaseModel, TypeAdapter

from buyer_stage.domain.documents import FeatureManifest, FeatureValidation, LabeledSetManifest, to_json
from buyer_stage.domain.errors import InvalidManifestError
from buyer_stage.domain.s3_layout import (
    RUN_RECEIPTS_INDEX_KEY,
    RUN_RECEIPTS_PREFIX,
    day_of_run_receipt,
    run_receipt_key,
    run_receipt_page_key,
)
from buyer_stage.domain.serving_documents import Publication, PushReceipt
from buyer_stage.domain.snapshot_date import format_partition_value
from buyer_stage.quality.drift import DriftReport
from buyer_stage.quality.model_card import ModelCard
from buyer_stage.receipts.build import (
    RECEIPT_STATE,
    Document,
    build_receipt,
    document_keys,
    read_history,
    resolve_snapshot_date,
)
from buyer_stage.receipts.document import RECEIPT_SCHEMA_VERSION, Failure, Pipeline, RunReceipt
from buyer_stage.receipts.index import render_index
from buyer_stage.receipts.page import render_page
from lambdas.common.documents import list_keys, parse_document, read_object
from lambdas.common.environment import Environment
from lambdas.common.errors import TransientAwsError
from lambdas.common.executions import CaughtFailure, EndingEvent, describe
from lambdas.common.wiring import lambda_handler, logger, metrics

TIME_SHOWN = timedelta(days=30)
"""How far a page and the index look back."""

CONNECTIONS = 10
"""Receipts that are read at a time: as many as a client keeps connections."""

EVENTS_PER_PAGE = 1000
"""The most that Step Functions returns at a time."""


class Variables(Environment):
    """Environment of the function."""

    environment: str
    pipeline_bucket: str
    code_version: str


class Event(EndingEvent):
    """Input of the state `WriteRunReceipt`."""

    pipeline: Pipeline
    failure: CaughtFailure | None


class Version(BaseModel):
    """The field of a receipt that says how to read the others."""

    schema_version: int


@dataclass(frozen=True)
class Result:
    """What was written.

    Attributes:
        receipt: key of the receipt as JSON.
        page: key of the receipt as a page.
        note: what the notification says about it.
    """

    receipt: str
    page: str
    note: str


s3, states = boto3.client("s3"), boto3.client("stepfunctions")
variables = Variables.load()
run_receipt, version = TypeAdapter(RunReceipt), TypeAdapter(Version)
DOCUMENTS: dict[str, TypeAdapter[Any]] = {
    "features": TypeAdapter(FeatureManifest),
    "validation": TypeAdapter(FeatureValidation),
    "labeled_set": TypeAdapter(LabeledSetManifest),
    "push": TypeAdapter(PushReceipt),
    "publication": TypeAdapter(Publication),
    "drift": TypeAdapter(DriftReport),
    "model_card": TypeAdapter(ModelCard),
    "challenger_card": TypeAdapter(ModelCard),
}
"""Field of a receipt -> how to read the document that it holds."""


@lambda_handler
def handler(event: Event) -> Result:
    """Write the receipt, its page, and the index of the last receipts, in this order.

    Two executions that end at the same moment can leave one of them out of the index until another one ends.

    Raises:
        TransientAwsError: the history of the execution does not show yet that it has come to this state.
    """
    logger.set_correlation_id(event.execution_id.rpartition(":")[2])
    receipt = _build(event)
    day, key = receipt.snapshot_date, run_receipt_key(receipt.snapshot_date, receipt.execution_name)
    page_key = run_receipt_page_key(day, receipt.execution_name)
    _write(key, "application/json", to_json(receipt))
    others, newest_day = _read_others(receipt, key)
    _write(page_key, "text/html", render_page(receipt, _until(day, others)))
    _write(RUN_RECEIPTS_INDEX_KEY, "text/html", render_index(_until(newest_day, [*others, receipt])))
    metrics.add_metric("RunReceiptsWritten", MetricUnit.Count, 1)
    logger.info("receipt written", receipt=key, outcome=receipt.outcome.value, other_receipts=len(others))
    return Result(key, page_key, _note(page_key, day))


def _build(event: Event) -> RunReceipt:
    pages = states.get_paginator("get_execution_history").paginate(
        executionArn=event.execution_id, PaginationConfig={"PageSize": EVENTS_PER_PAGE}
    )
    history = read_history(found for page in pages for found in page["events"])
    if history is None:
        raise TransientAwsError(f"the history of {event.execution_id} does not show {RECEIPT_STATE} yet")
    day, failure = resolve_snapshot_date(event.snapshot_date, history), event.failure
    keys = document_keys(event.pipeline, day, history)
    return build_receipt(
        event.pipeline,
        event.execution_id,
        day,
        history,
        {field: found for field, key in keys.items() if (found := _load(key, DOCUMENTS[field]))},
        failure=None if failure is None else Failure(failure.state, *describe(failure)),
        ttl_extension=event.ttl_extension,
        code_version=variables.code_version,
    )


def _load(key: str, adapter: TypeAdapter[Any]) -> Document | None:
    """Load a document; return None if it does not exist or is damaged.

    A receipt says most when something is wrong, so a damaged document must not prevent it. What fails on the document
    is the failure of the execution, which names it.
    """
    body = read_object(s3, variables.pipeline_bucket, key)
    try:
        content = None if body is None else parse_document(adapter, body, key)
    except InvalidManifestError as error:
        _report_damaged(error)
        return None
    return None if body is None else Document(key, hashlib.sha256(body).hexdigest(), content)


def _read_others(receipt: RunReceipt, own_key: str) -> tuple[list[RunReceipt], date]:
    """Read the other receipts that the page or the index shows, and return them with the last day of the index."""
    found = ((key, day_of_run_receipt(key)) for key in list_keys(s3, variables.pipeline_bucket, RUN_RECEIPTS_PREFIX))
    days = {key: day for key, day in found if day is not None}
    # A person can misspell a day in the future, which must not empty the index.
    newest_day = max((day for day in days.values() if day <= receipt.ended_at.date()), default=receipt.snapshot_date)
    keys = [
        key for key, day in days.items()
        if key != own_key and (_is_shown(day, receipt.snapshot_date) or _is_shown(day, newest_day))
    ]  # fmt: skip
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        return [other for other in threads.map(_read_receipt, keys) if other is not None], newest_day


def _read_receipt(key: str) -> RunReceipt | None:
    """Read a receipt; return None if it cannot be shown. A receipt that is damaged must not prevent all later ones."""
    body = read_object(s3, variables.pipeline_bucket, key)
    if body is None:
        return None
    try:
        found = parse_document(version, body, key).schema_version
        if found == RECEIPT_SCHEMA_VERSION:
            return parse_document(run_receipt, body, key)
    except InvalidManifestError as error:
        _report_damaged(error)
        return None
    logger.info("receipt of another version left out", receipt=key, schema_version=found)
    return None


def _report_damaged(error: InvalidManifestError) -> None:
    metrics.add_metric("DamagedDocuments", MetricUnit.Count, 1)
    logger.warning("damaged document left out", problem=str(error))


def _is_shown(day: date, last_day: date) -> bool:
    return last_day - TIME_SHOWN < day <= last_day


def _until(last_day: date, receipts: Sequence[RunReceipt]) -> list[RunReceipt]:
    return [receipt for receipt in receipts if _is_shown(receipt.snapshot_date, last_day)]


def _write(key: str, content_type: str, text: str) -> None:
    s3.put_object(
        Bucket=variables.pipeline_bucket, Key=key, Body=text.encode(), ContentType=f"{content_type}; charset=utf-8"
    )


def _note(page_key: str, day: date) -> str:
    return "\n".join(
        [
            f"Receipt:  s3://{variables.pipeline_bucket}/{page_key}",
            "To open it:",
            f"  make receipt ENV={variables.environment} DAY={format_partition_value(day)}",
        ]
    )
