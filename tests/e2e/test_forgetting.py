"""Members who are forgotten after two days of runs are nowhere, never return, and cost no training."""

import contextlib
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import boto3
import pyarrow.parquet
import pytest

from buyer_stage.domain import s3_layout
from emr_steps.arguments import STEPS
from localcloud.deployment import upload_data_lake
from localcloud.policies.calls import Call, read_calls
from sample_data.generate import generate
from tests.local_stack import LABELED_DATE, MEMBERS, SEED, SNAPSHOT_DATE, Stack, deployed_stack, pointed_at
from tools.execution import Execution
from tools.members.__main__ import deployed
from tools.members.bucket import Bucket
from tools.members.forgetting import HOLDOUT_SCORES_PREFIX, Found, find, forget

pytestmark = pytest.mark.matrix

NEXT_DATE = SNAPSHOT_DATE + timedelta(days=1)
NEXT_DAY = {"snapshot_date": f"{NEXT_DATE:%Y%m%d}"}
ROLE = "buyer-stage-erasure-local"


class KilledError(Exception):
    """What ends a run in the middle."""


@dataclass(frozen=True)
class Forgotten:
    """What forgetting 25 members did, and the runs after it."""

    members: frozenset[str]
    items_before: int
    found_before: dict[str, Found]
    found_after: tuple[int, dict[str, Found]]
    traces_after: list[str]
    receipt: dict[str, Any]
    holdout_after: list[str]
    trainings: set[str]
    replayed: Execution
    etl: Execution
    ml: Execution
    trainings_after: set[str]
    retrained: Execution
    traces_at_the_end: list[str]
    calls: list[Call]


def silent(text: str) -> None:
    pass


@contextlib.contextmanager
def as_erasure_role(stack: Stack) -> Iterator[None]:
    """Make the AWS clients of this block use the role, as the principals who can take it do."""
    account = boto3.client("sts").get_caller_identity()["Account"]
    taken = boto3.client("sts").assume_role(RoleArn=f"arn:aws:iam::{account}:role/{ROLE}", RoleSessionName="erasure")
    with pointed_at(stack.cloud), pytest.MonkeyPatch.context() as patch:
        keys = {"ACCESS_KEY_ID": "AccessKeyId", "SECRET_ACCESS_KEY": "SecretAccessKey", "SESSION_TOKEN": "SessionToken"}
        for variable, key in keys.items():
            patch.setenv(f"AWS_{variable}", taken["Credentials"][key])  # type: ignore[literal-required]
        patch.setattr(boto3, "DEFAULT_SESSION", None)
        yield


def readable(key: str, body: bytes) -> bytes:
    if key.endswith(".parquet"):
        return str(pyarrow.parquet.read_table(BytesIO(body)).to_pydict()).encode()
    return gzip.decompress(body) if key.endswith(".gz") else body


def traces(stack: Stack, members: frozenset[str]) -> list[str]:
    """Return where the bytes of a member id are: in a version of an object, an item, a log or a history."""
    texts = {}
    bucket = Bucket(boto3.client("s3"), stack.deployment.pipeline_bucket)
    for version in bucket.versions(""):
        target = BytesIO()
        bucket.download(version, target)
        texts[f"{version.key} {version.version_id}"] = readable(version.key, target.read())
    texts["table"] = "\n".join(stack.items()).encode()
    for file in (Path(stack.cloud.work_folder) / "logs").rglob("*"):
        if file.is_file():
            texts[f"log {file.name}"] = readable(file.name, file.read_bytes())
    logs = boto3.client("logs")
    for name in stack.deployment.function_names:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{name}")
        texts[f"log of {name}"] = "\n".join(event["message"] for page in pages for event in page["events"]).encode()
    ids = [member.encode() for member in members]
    return sorted(where for where, text in texts.items() if any(member in text for member in ids))


@pytest.fixture(scope="module")
def forgotten(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forgotten]:
    with deployed_stack(tmp_path_factory.mktemp("forgetting")) as stack, pointed_at(stack.cloud):
        generate(stack.data_lake.parent / "next", MEMBERS, NEXT_DATE, LABELED_DATE, SEED)
        upload_data_lake(stack.data_lake.parent / "next", stack.deployment.datalake_bucket)
        days = [stack.run_etl(steps_to_run=list(STEPS)), stack.run_ml()]
        days += [stack.run_etl(**NEXT_DAY), stack.run_ml(**NEXT_DAY)]
        assert [(day.status, day.cause) for day in days] == [("SUCCEEDED", "")] * len(days)
        boto3.client("s3").put_object(
            Bucket=stack.deployment.pipeline_bucket, Key="athena-results/q.csv", Body="\n".join(stack.items()).encode()
        )
        yield forget_and_run_on(stack)


def forget_and_run_on(stack: Stack) -> Forgotten:
    assigned = stack.document(s3_layout.ASSIGNED_SPLITS_KEY)
    labeled = [[member for member in assigned if assigned[member] == split][:5] for split in s3_layout.CHANNEL_PREFIXES]
    served = sorted(set(stack.items()) - assigned.keys())
    members = frozenset([*labeled[0], *labeled[1], *labeled[2], *served[:10]])
    items_before, found_before = find(deployed("local"), members, silent)
    trainings = stack.trainings()

    with as_erasure_role(stack):
        with pytest.raises(KilledError):
            forget(deployed("local"), members, lambda: datetime.now(UTC), kill_at_the_validation_split)
        receipt = forget(deployed("local"), members, lambda: datetime.now(UTC), silent)
    found_after, traces_after = find(deployed("local"), members, silent), traces(stack, members)
    holdout_after = stack.keys(HOLDOUT_SCORES_PREFIX)
    replayed = stack.run_ml(**NEXT_DAY)
    etl = stack.run_etl(**NEXT_DAY, steps_to_run=list(STEPS))
    ml = stack.run_ml(**NEXT_DAY)
    trainings_after = stack.trainings()
    retrained = stack.run_ml(**NEXT_DAY, retrain=True)
    calls = [call for call in read_calls(Path(stack.cloud.work_folder)) if call.role == ROLE]
    return Forgotten(
        members, items_before, found_before, found_after, traces_after,
        stack.document(s3_layout.erasure_receipt_key(receipt.ended_at)), holdout_after, trainings, replayed, etl, ml,
        trainings_after, retrained, traces(stack, members), calls,
    )  # fmt: skip


def kill_at_the_validation_split(text: str) -> None:
    if text == s3_layout.with_members_prefix("validation"):
        raise KilledError


def test_members_are_found_everywhere_before(forgotten: Forgotten) -> None:
    # Those who only answered the survey have no item.
    assert 10 <= forgotten.items_before < len(forgotten.members) == 25
    empty = {prefix for prefix, found in forgotten.found_before.items() if not found.rows}
    assert empty == {"quarantine/"}


def test_members_are_nowhere_afterwards(forgotten: Forgotten) -> None:
    items, found = forgotten.found_after
    assert (items, {prefix for prefix, held in found.items() if held != Found()}) == (0, set())
    assert forgotten.traces_after == []


def test_receipt_names_the_model_that_learned_from_them(forgotten: Forgotten) -> None:
    assert set(forgotten.receipt["models"]) == forgotten.trainings
    assert forgotten.receipt["erased"]["train/members.json"]["rows"] > 0
    assert forgotten.holdout_after == []


def test_replay_and_the_next_runs_succeed_without_a_training(forgotten: Forgotten) -> None:
    runs = [forgotten.replayed, forgotten.etl, forgotten.ml]
    assert [(run.status, run.error, run.cause) for run in runs] == [("SUCCEEDED", "", "")] * 3
    assert forgotten.trainings_after == forgotten.trainings


def test_retraining_reads_the_rewritten_channels(forgotten: Forgotten) -> None:
    # Whatever the gate decides about an equally good model.
    assert forgotten.retrained.error in {"", "ModelNotApproved"}, forgotten.retrained.cause


def test_later_runs_do_not_bring_the_members_back(forgotten: Forgotten) -> None:
    assert forgotten.traces_at_the_end == []


def test_role_can_do_exactly_what_forgetting_needs(forgotten: Forgotten) -> None:
    assert [call for call in forgotten.calls if not call.is_allowed] == []


def test_role_uses_every_permission(forgotten: Forgotten) -> None:
    reviewed = json.loads((Path(__file__).parents[1] / "infra/unused_permissions.json").read_text())
    (granted,) = [set(entry["actions"]) for entry in reviewed if entry["roles"] == ["buyer-stage-erasure-*"]]
    # AWS lets every principal ask who it is.
    assert {call.action for call in forgotten.calls} - {"sts:GetCallerIdentity"} == granted
