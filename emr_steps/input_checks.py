"""Compares what a snapshot's data lake holds with the manifests of the snapshots before."""

from collections.abc import Mapping
from datetime import date, timedelta
from itertools import islice

from pyspark.sql import SparkSession

from buyer_stage.domain.data_inventory import FEATURE_DAYS
from buyer_stage.domain.documents import FeatureManifest, InputCounts, InputWarning
from buyer_stage.domain.errors import InvalidManifestError
from buyer_stage.domain.input_checks import EARLIER_SNAPSHOTS, find_broken_rules, refuse_or_warn
from buyer_stage.domain.s3_layout import feature_manifest_key
from buyer_stage.domain.snapshot_date import format_partition_value
from buyer_stage.spark.feature_manifests import parse_manifest
from buyer_stage.spark.files import join_uri, read_text


def read_manifest(spark: SparkSession, pipeline_bucket: str, snapshot_date: date) -> FeatureManifest | None:
    """Return the manifest of a snapshot, to compare with.

    None if it is missing, or if this code cannot read it: a later code version can have written it before a rollback.
    """
    key = feature_manifest_key(snapshot_date)
    try:
        return parse_manifest(read_text(spark, join_uri(pipeline_bucket, key)))
    except FileNotFoundError:
        return None
    except InvalidManifestError as error:
        print(f"{key} is not compared with: {error}")
        return None


def check_input(
    spark: SparkSession,
    pipeline_bucket: str,
    snapshot_date: date,
    window_row_counts: Mapping[str, int],
    input_counts: Mapping[str, InputCounts],
    accepted_input: str,
) -> tuple[InputWarning, ...]:
    """Return the rules that a snapshot breaks.

    Args:
        spark: the session.
        pipeline_bucket: root of the pipeline bucket.
        snapshot_date: the snapshot.
        window_row_counts: as in the manifest.
        input_counts: as in the manifest.
        accepted_input: why a person accepts the snapshot; empty if none does.

    Raises:
        DataLakeError: the snapshot breaks a rule of level error and is not accepted.
    """
    earlier = _read_earlier_manifests(spark, pipeline_bucket, snapshot_date)
    broken = find_broken_rules(window_row_counts, input_counts, earlier)
    return refuse_or_warn(broken, format_partition_value(snapshot_date), accepted_input)


def _read_earlier_manifests(spark: SparkSession, pipeline_bucket: str, snapshot_date: date) -> list[FeatureManifest]:
    """Return the manifests of the latest `EARLIER_SNAPSHOTS` snapshots before one, as far back as features are kept."""
    days = (snapshot_date - timedelta(days) for days in range(1, FEATURE_DAYS + 1))
    found = (read_manifest(spark, pipeline_bucket, day) for day in days)
    return list(islice((manifest for manifest in found if manifest is not None), EARLIER_SNAPSHOTS))
