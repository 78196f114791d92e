"""Keeps the states of the table: their rows, which one is live, and which ones the table may hold in part."""

import json
from collections.abc import Callable
from datetime import date, datetime
from typing import Any, TypeVar

from pyspark.sql import DataFrame, SparkSession

from buyer_stage.domain.documents import to_json
from buyer_stage.domain.errors import InvalidManifestError
from buyer_stage.domain.features import MEMBER_ID
from buyer_stage.domain.s3_layout import CURRENT_PUBLICATION_KEY, PENDING_PUSH_KEY, served_state_key
from buyer_stage.domain.serving_documents import PendingPush, Publication, PushKind, ServedState
from buyer_stage.spark.files import delete, exists, join_uri, read_text, write_text
from glue.scored_lines import PROBABILITIES_TYPE

T = TypeVar("T")

ITEM_COLUMNS = ("stage", "probabilities", "model_version", "since", "snapshot_date", "ttl")
"""Columns of a state that the member's item shows."""

STATE_COLUMNS = (MEMBER_ID, *ITEM_COLUMNS, "disagreeing_snapshots")

SCHEMA = (
    f"{MEMBER_ID} string, stage string, probabilities {PROBABILITIES_TYPE}, model_version string, since date, "
    "snapshot_date date, ttl bigint, disagreeing_snapshots int"
)


class ServedStates:
    """The states in a pipeline bucket."""

    def __init__(self, spark: SparkSession, pipeline_bucket: str) -> None:
        """Access the states below the root of a pipeline bucket."""
        self._spark = spark
        self._bucket = pipeline_bucket

    def publication(self) -> Publication | None:
        """Return the live publication; None before the first one.

        Raises:
            InvalidManifestError: its document is damaged.
        """
        return self._read(CURRENT_PUBLICATION_KEY, _publication)

    def pending(self) -> PendingPush:
        """Return the states that died pushes have begun to write.

        Raises:
            InvalidManifestError: the document is damaged.
        """
        return self._read(PENDING_PUSH_KEY, lambda fields: PendingPush(tuple(fields["folders"]))) or PendingPush(())

    def description(self, folder: str) -> ServedState | None:
        """Return the description of a state that was published; None if S3 does not keep it anymore.

        Raises:
            InvalidManifestError: the description is damaged.
        """
        return self._read(served_state_key(folder), _state)

    def rows(self, folder: str | None) -> DataFrame:
        """Return the rows of a state, or none without a folder."""
        if folder is None:
            return self._spark.createDataFrame([], SCHEMA)
        return self._spark.read.schema(SCHEMA).parquet(join_uri(self._bucket, folder))

    def write_rows(self, state: DataFrame, folder: str) -> None:
        """Write the rows of a state, and replace what a push left there that died before they were complete."""
        state.select(*STATE_COLUMNS).write.mode("overwrite").parquet(join_uri(self._bucket, folder))

    def begin(self, pending: PendingPush) -> None:
        """Record that the table may hold these states in part."""
        self._write(PENDING_PUSH_KEY, pending)

    def publish(self, publication: Publication) -> None:
        """Record that the table holds a state completely, and nothing of any other."""
        self._write(served_state_key(publication.state.folder), publication.state)
        self.update(publication)
        delete(self._spark, join_uri(self._bucket, PENDING_PUSH_KEY))

    def update(self, publication: Publication) -> None:
        """Record which events of the live publication are still to be sent."""
        self._write(CURRENT_PUBLICATION_KEY, publication)

    def _write(self, key: str, document: Publication | PendingPush | ServedState) -> None:
        write_text(self._spark, join_uri(self._bucket, key), to_json(document))

    def _read(self, key: str, parse: Callable[[dict[str, Any]], T]) -> T | None:
        uri = join_uri(self._bucket, key)
        if not exists(self._spark, uri):
            return None
        try:
            return parse(json.loads(read_text(self._spark, uri)))
        except (KeyError, TypeError, ValueError):
            raise InvalidManifestError(
                f"{key} is damaged; restore an earlier version of the object, and push again"
            ) from None


def _publication(fields: dict[str, Any]) -> Publication:
    return Publication(
        **{
            **fields,
            "kind": PushKind(fields["kind"]),
            "published_at": datetime.fromisoformat(fields["published_at"]),
            "state": _state(fields["state"]),
            "unsent_events": tuple(fields.get("unsent_events", ())),
        }
    )


def _state(fields: dict[str, Any]) -> ServedState:
    return ServedState(**{**fields, "snapshot_date": date.fromisoformat(fields["snapshot_date"])})
