"""Forgotten members are nowhere, everyone else stays as they were, and an interruption changes nothing of that."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from unittest.mock import Mock

import pytest

from buyer_stage.domain import s3_layout
from buyer_stage.domain.errors import SuppressionError
from buyer_stage.domain.suppression import hash_member, parse_suppression_list
from tests.unit.tools.members.conftest import (
    DELETED_WHOLE,
    EVERYONE,
    FORGOTTEN,
    SECRET,
    STAYING,
    Environment,
    bucket_files,
)
from tools.members.forgetting import ExecutionRunningError, Found, find, forget
from tools.members.rewriting import UnknownFormatError, find_copy
from tools.members.suppression_list import suppress

NOW = datetime(2020, 2, 3, 4, 5, 6, tzinfo=UTC)
RECEIPT = "erasure-receipts/2020/02/03/040506.json"
WRITES = frozenset({"PutObject", "DeleteObject", "BatchWriteItem", "PutSecretValue"})
Make = Callable[[], Environment]


class KilledError(BaseException):
    """What ends a run in the middle."""


def silent(text: str) -> None:
    pass


def forget_all(environment: Environment) -> None:
    forget(environment.deployed, FORGOTTEN, lambda: NOW, silent)


def count_writes(environment: Environment, kill_at: int | None = None) -> Callable[[], int]:
    """Count the writes, and end the run before one of them."""
    writes: list[str] = []

    def before_call(model: Any, **_: Any) -> None:
        if model.name in WRITES:
            if len(writes) == kill_at:
                raise KilledError
            writes.append(model.name)

    for client in environment.clients:
        client.meta.events.register("before-call", before_call, unique_id="writes")
    return lambda: len(writes)


def end_state(environment: Environment) -> tuple[dict[str, list[bytes]], list[str]]:
    versions = environment.versions()
    del versions[RECEIPT]  # The run that ends accounts for what it did.
    return versions, environment.items()


def test_everything_but_the_members_stays_and_every_document_describes_it(make_environment: Make) -> None:
    environment = make_environment()
    names = json.loads(environment.latest()[s3_layout.LABELED_SET_MANIFEST_KEY])["training_checksums"]

    forget_all(environment)

    latest = environment.latest()
    assert set(latest).isdisjoint(DELETED_WHOLE)
    parquet = {key for key in latest if key.endswith(".parquet")}
    expected = bucket_files(STAYING, names)
    added = {s3_layout.SUPPRESSION_LIST_KEY, RECEIPT}
    assert {key: body for key, body in latest.items() if key not in parquet | added} == {
        key: body for key, body in expected.items() if key not in parquet
    }
    assert environment.items() == sorted(STAYING)


def test_no_version_and_no_receipt_names_a_forgotten_member(make_environment: Make) -> None:
    environment = make_environment()

    forget_all(environment)

    # MARK-10 stays; its name starts like that of MARK-1.
    bodies = [body.replace(b"MARK-10", b"") for versions in environment.versions().values() for body in versions]
    assert [body for body in bodies if b"MARK" in body] == []


def test_receipt_accounts_for_objects_versions_rows_and_items(make_environment: Make) -> None:
    environment = make_environment()

    forget_all(environment)

    receipt = json.loads(environment.latest()[RECEIPT])
    assert (receipt["members"], receipt["suppressed_members"], receipt["items_deleted"]) == (4, 4, 4)
    # Two part files and three documents; each part file had two versions.
    assert receipt["erased"]["inputs/"] == {"objects": 3, "versions": 4, "rows": 8}
    assert receipt["erased"]["train/members.json"] == {"objects": 1, "versions": 2, "rows": 8}
    assert receipt["remains"]["backups of the table"] == "2020-03-09"


def test_finding_counts_without_changes(make_environment: Make) -> None:
    environment = make_environment()
    before, writes = environment.versions(), count_writes(environment)

    items, found = find(environment.deployed, FORGOTTEN, silent)

    assert items == len(FORGOTTEN)
    assert found["inference-results/"] == Found(objects=1, old_versions=2, rows=9)
    assert found["train/members.json"] == Found(objects=1, old_versions=1, rows=8)
    assert (writes(), environment.versions()) == (0, before)


def test_second_run_changes_nothing_but_the_receipt(make_environment: Make) -> None:
    environment = make_environment()
    forget_all(environment)
    before = end_state(environment)

    forget_all(environment)

    assert end_state(environment) == before


@pytest.mark.parametrize("kill_at", [6, pytest.param(None, marks=pytest.mark.matrix)])
def test_interrupted_run_ends_in_the_same_state_when_it_runs_again(make_environment: Make, kill_at: int | None) -> None:
    environment = make_environment()
    writes = count_writes(environment)
    forget_all(environment)
    expected = end_state(environment)

    for killed_before in range(writes()) if kill_at is None else [kill_at]:
        environment = make_environment()
        count_writes(environment, killed_before)
        with pytest.raises(KilledError):
            forget_all(environment)
        for client in environment.clients:
            client.meta.events.unregister("before-call", unique_id="writes")
        forget_all(environment)

        assert end_state(environment) == expected, killed_before


def test_running_execution_stops_the_run_after_the_suppression_list(make_environment: Make) -> None:
    deployed = make_environment().deployed
    environment = Environment(replace(deployed, executions=lambda pipeline, since: [f"arn:{pipeline}:{since:%H:%M}"]))

    with pytest.raises(ExecutionRunningError, match="arn:etl:04:05, arn:ml:04:05 can still write"):
        forget_all(environment)

    assert s3_layout.SUPPRESSION_LIST_KEY in environment.latest()
    assert len(environment.items()) == len(EVERYONE)


def test_scoring_meanwhile_leaves_no_receipt(make_environment: Make) -> None:
    executions = Mock(side_effect=[[], [], ["arn:ml"]])  # None of ETL and ML at the start, then one of ML.
    environment = Environment(replace(make_environment().deployed, executions=executions))

    with pytest.raises(ExecutionRunningError, match="arn:ml can still write"):
        forget_all(environment)

    assert RECEIPT not in environment.latest()


def test_members_who_were_never_in_the_labeled_set_leave_it_alone(make_environment: Make) -> None:
    environment = make_environment()
    before = environment.versions()

    forget(environment.deployed, {"MARK-5"}, lambda: NOW, silent)

    after = environment.versions()
    assert {key: after[key] for key in before if key in after} == {
        key: body for key, body in before.items() if not key.startswith("athena-results/")
    }


def test_list_grows_and_keeps_its_key(make_environment: Make) -> None:
    deployed = make_environment().deployed
    assert suppress(deployed.bucket, deployed.secrets, SECRET, {"MARK-1"}) == 1
    assert suppress(deployed.bucket, deployed.secrets, SECRET, {"MARK-1", "MARK-2"}) == 2


def test_first_use_makes_the_key_and_a_lost_key_is_an_error(make_environment: Make) -> None:
    deployed = make_environment().deployed
    deployed.secrets.create_secret(Name="empty")
    suppress(deployed.bucket, deployed.secrets, "empty", {"MARK-1"})

    key = deployed.secrets.get_secret_value(SecretId="empty")["SecretString"]
    text = (deployed.bucket.read(s3_layout.SUPPRESSION_LIST_KEY) or b"").decode()
    assert parse_suppression_list(text, key) == {hash_member("MARK-1", key)}
    deployed.secrets.create_secret(Name="lost")
    with pytest.raises(SuppressionError, match="lost has no value"):
        suppress(deployed.bucket, deployed.secrets, "lost", {"MARK-1"})


def test_part_file_of_an_unknown_format_stops_the_search() -> None:
    with pytest.raises(UnknownFormatError, match=r"inputs/2026/01/01/part-0\.orc is a part file of an unknown format"):
        find_copy("inputs/2026/01/01/part-0.orc")
