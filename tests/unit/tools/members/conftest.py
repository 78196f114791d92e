"""An environment in a mocked AWS whose bucket, with old versions, and table hold members."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from io import BytesIO
from typing import Any

import boto3
import pyarrow
import pyarrow.parquet
import pytest
from moto import mock_aws

from buyer_stage.domain import s3_layout
from buyer_stage.domain.documents import FeatureManifest, FeatureValidation, LabeledSetManifest, to_json
from buyer_stage.domain.feature_bins import profile_rows
from buyer_stage.domain.features import MODEL_FEATURES, OUTPUT_COLUMNS, column_checksum
from buyer_stage.domain.labeled_set import SPLIT_SHARES, LabeledRow, derive_channels
from buyer_stage.domain.stages import Stage
from buyer_stage.domain.windows import Window
from emr_steps.split_files import format_split_files, split_file_checksums
from tests.function_environment import FUNCTION_ENVIRONMENT, REGION
from tools.members.bucket import Bucket
from tools.members.features import checksum_lines
from tools.members.forgetting import Deployed
from tools.members.labeled_set import count_rows

DAY = date(2020, 1, 31)
FORGOTTEN = frozenset({"MARK-1", "MARK-2", 'MARK-3, "quoted"', "MARK-4-é"})
STAYING = ("stays-1", "stays-2", 'stays-3, "quoted"', "MARK-10", "stays-5")
EVERYONE = (*sorted(FORGOTTEN), *STAYING)
BUCKET, TABLE, SECRET = "pipeline", "table", "key"
RUN = "job"


@dataclass(frozen=True)
class Environment:
    """An environment and what it holds."""

    deployed: Deployed

    @property
    def clients(self) -> list[Any]:
        return [self.deployed.bucket.s3, self.deployed.dynamodb.meta.client, self.deployed.secrets]

    def versions(self) -> dict[str, list[bytes]]:
        """Return the content of every version of every object, the latest one first."""
        bodies: dict[str, list[bytes]] = {}
        for version in self.deployed.bucket.versions(""):
            target = BytesIO()
            self.deployed.bucket.download(version, target)
            bodies.setdefault(version.key, []).append(target.read())
        return bodies

    def latest(self) -> dict[str, bytes]:
        return {key: bodies[0] for key, bodies in self.versions().items()}

    def items(self) -> list[str]:
        return sorted(item["member_id"] for item in self.deployed.dynamodb.Table(TABLE).scan()["Items"])


def quoted(member: str) -> str:
    return '"' + member.replace('"', '""') + '"' if set(member) & set(',"') else member


def features_of(member: str) -> list[int]:
    return [len(member), *[EVERYONE.index(member)] * (len(MODEL_FEATURES) - 1)]


def parquet(members: Sequence[str]) -> bytes:
    target = BytesIO()
    pyarrow.parquet.write_table(pyarrow.table({"member_id": members, "stage": ["Dreamer"] * len(members)}), target)
    return target.getvalue()


def feature_files(members: Sequence[str]) -> dict[str, bytes]:
    """Return a snapshot's two part files and the documents that describe them."""
    folder = s3_layout.features_prefix(DAY)
    rows = {member: [1, 31, 5, *features_of(member)] for member in members}
    halves = [[member for member in members if EVERYONE.index(member) % 2 == half] for half in range(2)]
    parts = {
        f"part-{number:05}.txt": "".join(
            f"{quoted(member)},{','.join(map(str, rows[member]))}\n" for member in half
        ).encode()
        for number, half in enumerate(halves)
    }
    manifest = FeatureManifest(
        schema_version=1,
        snapshot_date=DAY,
        row_count=len(members),
        window_row_counts={window.value: len(EVERYONE) for window in Window},
        column_checksum=column_checksum(OUTPUT_COLUMNS),
        rows_checksum=str(sum(checksum_lines(BytesIO(part)) for part in parts.values())),
        part_files=tuple(parts),
        suppressed_members=len(EVERYONE) - len(members),
    )
    text = to_json(manifest)
    validation = FeatureValidation(DAY, len(members), hashlib.sha256(text.encode()).hexdigest())
    documents = {
        "manifest.json": text,
        "validation.json": to_json(validation),
        "profile.json": to_json(profile_rows([row[3:] for row in rows.values()])),
    }
    return {folder + name: body for name, body in parts.items()} | {
        folder + name: body.encode() for name, body in documents.items()
    }


def labeled_set_files(members: Sequence[str], training_checksums: dict[str, str]) -> dict[str, bytes]:
    assigned = {member: list(SPLIT_SHARES)[EVERYONE.index(member) % 3] for member in members}
    rows = [LabeledRow(member, DAY, tuple(features_of(member)), Stage.DREAMER) for member in members]
    split_files = format_split_files(rows, assigned)
    files = {s3_layout.with_members_prefix(split): lines for split, lines in split_files.items()}
    files |= derive_channels(split_files)
    manifest = LabeledSetManifest(
        column_checksum=column_checksum(MODEL_FEATURES),
        snapshot_dates=(DAY,),
        split_by="stage",
        answers=len(EVERYONE),
        rows_with_unknown_label=0,
        rows_with_conflicting_answers=0,
        rows_after_answer=0,
        duplicate_members=0,
        members_kept=0,
        splits={split: count_rows(lines[1:]) for split, lines in split_files.items()},
        with_members_sha256=split_file_checksums(split_files),
        training_checksums=training_checksums or split_file_checksums(split_files),
    )
    return {
        prefix + s3_layout.LABELED_SET_FILE: "".join(f"{line}\n" for line in lines).encode()
        for prefix, lines in files.items()
    } | {
        s3_layout.ASSIGNED_SPLITS_KEY: json.dumps(assigned, indent=0, sort_keys=True).encode(),
        s3_layout.LABELED_SET_MANIFEST_KEY: to_json(manifest).encode(),
    }


def bucket_files(members: Sequence[str], training_checksums: dict[str, str] | None = None) -> dict[str, bytes]:
    """Return everything that the pipelines write about some members."""
    scored = [f'{quoted(member)},Dreamer,"[""Dreamer""]","[1.0]"\n' for member in members]
    # A refused line goes when an id occurs anywhere in it, so MARK-10 would go with MARK-1.
    refused = [
        json.dumps({"reason": "damaged", "line": f"x{member}"}) + "\n" for member in members if member != "MARK-10"
    ]
    return {
        **feature_files(members),
        s3_layout.raw_sample_prefix(DAY, Window.T001) + "part-0.parquet": parquet(members),
        s3_layout.inference_results_prefix(DAY, RUN) + "part-0.csv.out": "".join(scored).encode(),
        s3_layout.quarantine_prefix(DAY, RUN) + "part-0.json": "".join(refused).encode(),
        s3_layout.served_state_prefix(DAY, 1, 1) + "part-0.snappy.parquet": parquet(members),
        s3_layout.stage_changes_prefix(DAY, 1, 1) + "part-0.snappy.parquet": parquet(members),
        **labeled_set_files(members, training_checksums or {}),
        "sagemaker-automl/output/job/tuning/model.tar.gz": b"model",
    }


DELETED_WHOLE = (
    "athena-results/query.csv",
    "best-model/holdout/job/part-00000.csv.out",
    "sagemaker-automl/output/job/preprocessed-data/tuning_data/train/chunk_0.csv",
)


@pytest.fixture
def make_environment() -> Iterator[Callable[[], Environment]]:
    """Return a function that makes an environment in an empty AWS."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in FUNCTION_ENVIRONMENT.items():
            patch.setenv(name, value)
        mocks: list[Any] = []

        def make() -> Environment:
            for mock in mocks:
                mock.stop()
            mocks[:] = [mock_aws()]
            mocks[0].start()
            return _make()

        yield make
        for mock in mocks:
            mock.stop()


def no_executions(pipeline: str, since: datetime) -> list[str]:
    return []


def _make() -> Environment:
    s3, dynamodb = boto3.client("s3", REGION), boto3.resource("dynamodb", REGION)
    secrets, sagemaker = boto3.client("secretsmanager", REGION), boto3.client("sagemaker", REGION)
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    files = bucket_files(EVERYONE)
    for key, body in files.items():
        # An older version with members, and the latest one.
        s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    for key in DELETED_WHOLE:
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"rows of MARK-1")
    deleted = s3_layout.inference_results_prefix(DAY, "deleted") + "part-0.csv.out"
    s3.put_object(Bucket=BUCKET, Key=deleted, Body=b"MARK-1,Dreamer\n")
    s3.delete_object(Bucket=BUCKET, Key=deleted)
    table = dynamodb.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "member_id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "member_id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    for member in EVERYONE:
        table.put_item(Item={"member_id": member})
    secrets.create_secret(Name=SECRET, SecretString="0" * 64)
    sagemaker.create_model_package_group(ModelPackageGroupName="buyer-stage-test")
    return Environment(Deployed("test", Bucket(s3, BUCKET), TABLE, SECRET, dynamodb, secrets, sagemaker, no_executions))
