"""Finds members in an environment, and forgets them in an order that can be interrupted at any point.

Each step looks at what is there now, so a second run goes on where the first one stopped. The suppression list comes
first, so that nothing writes the members again; the record of who was ever in the labeled set comes last, because it
decides whether the models are in the receipt.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from buyer_stage.domain.data_inventory import INVENTORY, POINT_IN_TIME_RECOVERY_DAYS, Members
from buyer_stage.domain.documents import Erased, ErasureReceipt, to_json
from buyer_stage.domain.s3_layout import (
    ASSIGNED_SPLITS_KEY,
    ATHENA_RESULTS_PREFIX,
    AUTOML_OUTPUT_PREFIX,
    CHANNEL_PREFIXES,
    LABELED_SET_MANIFEST_KEY,
    TEST_NO_TARGET_PREFIX,
    erasure_receipt_key,
    with_members_prefix,
)
from tools.execution import PIPELINES
from tools.members import features, labeled_set
from tools.members.bucket import Bucket, Version
from tools.members.suppression_list import suppress
from tools.members.table import delete_items, find_items
from tools.models import list_models
from tools.terraform_layout import layout

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBServiceResource
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_secretsmanager import SecretsManagerClient

HOLDOUT_SCORES_PREFIX = layout()["holdout_scores"]
UNNAMED_FILES = (*CHANNEL_PREFIXES.values(), TEST_NO_TARGET_PREFIX)
LABELED_SET_FOLDERS = tuple(with_members_prefix(split) for split in CHANNEL_PREFIXES)
NAMING = tuple(entry.prefix for entry in INVENTORY if entry.members is Members.NAMED)
"""The prefixes with member ids."""

Progress = Callable[[str], None]


class ExecutionRunningError(Exception):
    """An execution can write members that were on no list when it started, or that it read before they were removed."""


@dataclass(frozen=True)
class Deployed:
    """Where an environment keeps members, and what else forgetting needs.

    Attributes:
        environment: name of the environment.
        bucket: the pipeline bucket.
        table: name of the serving table.
        secret: name of the secret with the key of the suppression list.
        dynamodb: the service resource.
        secrets: the client of Secrets Manager.
        sagemaker: the client.
        executions: returns the ARNs of a pipeline's executions that are running or have started since a time.
    """

    environment: str
    bucket: Bucket
    table: str
    secret: str
    dynamodb: "DynamoDBServiceResource"
    secrets: "SecretsManagerClient"
    sagemaker: "SageMakerClient"
    executions: Callable[[str, datetime], list[str]]


@dataclass(frozen=True)
class Found:
    """How often members occur below a prefix: in how many current objects, older versions, and rows of both."""

    objects: int = 0
    old_versions: int = 0
    rows: int = 0


def find(deployed: Deployed, members: Set[str], progress: Progress) -> tuple[int, dict[str, Found]]:
    """Return the members' items and, per prefix, how often they occur. Nothing is changed."""
    found = {}
    for prefix in NAMING:
        progress(f"searching {prefix}")
        held = [
            (searched.version.is_latest, searched.rows.removed)
            for searched in deployed.bucket.search(prefix, members)
            if searched.rows.removed
        ]
        latest = sum(is_latest for is_latest, _ in held)
        found[prefix] = Found(latest, len(held) - latest, sum(rows for _, rows in held))
    return len(find_items(deployed.dynamodb, deployed.table, members)), found


def forget(deployed: Deployed, members: Set[str], now: Callable[[], datetime], progress: Progress) -> ErasureReceipt:
    """Forget members, and write the receipt last.

    Args:
        deployed: the environment.
        members: member ids.
        now: returns the time in UTC.
        progress: shows what is done.

    Raises:
        ExecutionRunningError: an execution is running, or the ML pipeline has scored members meanwhile. The members are
            on the suppression list.
        SuppressionError: the suppression list or its key is unusable.
        LabeledSetError: the labeled set has the columns of another version.
    """
    started_at = now()
    progress("suppression list")
    suppressed = suppress(deployed.bucket, deployed.secrets, deployed.secret, members)
    _require_no_executions(deployed, PIPELINES, started_at)
    progress("table")
    items = delete_items(deployed.dynamodb, deployed.table, members)
    was_labeled = any(searched.rows.removed for searched in deployed.bucket.search(ASSIGNED_SPLITS_KEY, members))
    erased = {}
    for prefix, step in _steps(deployed.bucket, members, was_labeled=was_labeled):
        progress(prefix)
        erased[prefix] = step()
    models = list_models(deployed.sagemaker, deployed.environment) if was_labeled else []
    # A transform that started before the features were rewritten can have written scored lines after the search.
    _require_no_executions(deployed, ["ml"], started_at)
    erased[ASSIGNED_SPLITS_KEY] = _erase_rows(deployed.bucket, ASSIGNED_SPLITS_KEY, members)
    ended_at = now()
    receipt = ErasureReceipt(
        ended_at=ended_at,
        members=len(members),
        suppressed_members=suppressed,
        items_deleted=items,
        erased=erased,
        remains={
            "backups of the table": (ended_at + timedelta(days=POINT_IN_TIME_RECOVERY_DAYS)).date().isoformat(),
            "the data lake": "its owners decide; the suppression list keeps the members out of the pipelines",
            "exports, and mailboxes outside AWS": "their owners",
        },
        models=tuple(model.version for model in models),
    )
    deployed.bucket.write(erasure_receipt_key(ended_at), to_json(receipt).encode())
    return receipt


def _require_no_executions(deployed: Deployed, pipelines: Iterable[str], since: datetime) -> None:
    if found := [arn for pipeline in pipelines for arn in deployed.executions(pipeline, since)]:
        raise ExecutionRunningError(
            f"The members are on the suppression list, but {', '.join(found)} can still write their rows. Wait for the "
            "end, and run the command again."
        )


def _steps(bucket: Bucket, members: Set[str], *, was_labeled: bool) -> Iterator[tuple[str, Callable[[], Erased]]]:
    """Return the steps in order, each with the prefix that it works on, except for the assigned splits."""
    later = {*LABELED_SET_FOLDERS, ATHENA_RESULTS_PREFIX, ASSIGNED_SPLITS_KEY}
    for prefix in (prefix for prefix in NAMING if prefix not in later):
        yield prefix, partial(_erase_rows, bucket, prefix, members)
    # The results of queries can have any format, and queries can be repeated.
    yield ATHENA_RESULTS_PREFIX, partial(_delete, bucket, bucket.versions(ATHENA_RESULTS_PREFIX))
    if not was_labeled:
        return
    # A prediction for the holdout belongs to the member in the same row of the test split. It can be made again.
    yield HOLDOUT_SCORES_PREFIX, partial(_delete, bucket, bucket.versions(HOLDOUT_SCORES_PREFIX))
    yield AUTOML_OUTPUT_PREFIX, partial(_delete, bucket, labeled_set.autopilot_copies(bucket))
    yield "the channels", lambda: Erased(objects=labeled_set.rewrite_channels(bucket, members))
    for prefix in LABELED_SET_FOLDERS:
        yield prefix, partial(_erase_rows, bucket, prefix, members)
    yield LABELED_SET_MANIFEST_KEY, lambda: Erased(objects=int(labeled_set.describe_again(bucket)))
    # These have no ids, so no search can tell which of the old versions hold the members.
    for prefix in UNNAMED_FILES:
        yield prefix, partial(_delete, bucket, (each for each in bucket.versions(prefix) if not each.is_latest))


def _erase_rows(bucket: Bucket, prefix: str, members: Set[str]) -> Erased:
    """Rewrite the objects that hold members, delete their older versions, and describe changed snapshots again."""
    erased, row_counts = Erased(), Counter[str]()
    for searched in bucket.search(prefix, members):
        if searched.version.is_latest:
            row_counts[searched.version.key.rpartition("/")[0] + "/"] += searched.rows.kept
        if searched.rows.removed:
            bucket.replace(searched)
            erased += Erased(int(searched.version.is_latest), 1, searched.rows.removed)
    if prefix == features.PREFIX:
        for folder, row_count in row_counts.items():
            erased += Erased(objects=int(features.describe_again(bucket, folder, row_count)))
    return erased


def _delete(bucket: Bucket, versions: Iterable[Version]) -> Erased:
    return Erased(versions=bucket.delete_versions(versions))
