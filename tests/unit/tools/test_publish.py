"""Code is published once, under its code version, and clusters find a valid certificate."""

import io
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from cryptography import x509
from moto import mock_aws

from tools.certificate import make_certificate, must_be_renewed
from tools.publish import NothingToPublishError, PublishedCodeError, publish_certificate, publish_code

BUCKET = "buyer-stage-code-test"
NOW = datetime(2026, 5, 20, 12, tzinfo=UTC)


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
        yield client


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    for name in ("code/libraries.zip", "code/sql/features.sql", "functions/start_automl.zip", "layer.zip"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "code_version.txt").write_text("1a2b3c\n")
    return tmp_path


def keys(s3: Any) -> list[str]:
    return [found["Key"] for found in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]


def test_every_file_is_below_the_folder_of_the_version(s3: Any, packages: Path) -> None:
    assert publish_code(s3, BUCKET, packages) == ("1a2b3c", 4)
    assert keys(s3) == [
        "code/1a2b3c/functions/start_automl.zip",
        "code/1a2b3c/layer.zip",
        "code/1a2b3c/libraries.zip",
        "code/1a2b3c/sql/features.sql",
    ]


def test_only_missing_files_are_uploaded(s3: Any, packages: Path) -> None:
    publish_code(s3, BUCKET, packages)
    assert publish_code(s3, BUCKET, packages) == ("1a2b3c", 0)
    s3.delete_object(Bucket=BUCKET, Key="code/1a2b3c/layer.zip")
    assert publish_code(s3, BUCKET, packages) == ("1a2b3c", 1)


@pytest.mark.parametrize("checksum", [{"ChecksumAlgorithm": "SHA256"}, {}])
def test_published_file_that_differs_is_an_error_and_stays(s3: Any, packages: Path, checksum: dict[str, str]) -> None:
    key = "code/1a2b3c/layer.zip"
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"other code", **checksum)

    with pytest.raises(PublishedCodeError, match=rf"s3://{BUCKET}/{key} is not the file of these packages"):
        publish_code(s3, BUCKET, packages)
    assert s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"other code"


def test_older_version_stays(s3: Any, packages: Path) -> None:
    publish_code(s3, BUCKET, packages)
    (packages / "code_version.txt").write_text("4d5e6f\n")
    publish_code(s3, BUCKET, packages)
    assert len(keys(s3)) == 8


def test_missing_packages_are_an_error_that_says_what_to_do(s3: Any, tmp_path: Path) -> None:
    with pytest.raises(NothingToPublishError, match=r"does not contain layer\.zip\. Run `make package`"):
        publish_code(s3, BUCKET, tmp_path)


def test_certificate_is_created_once_and_renewed_before_it_expires(s3: Any) -> None:
    assert publish_certificate(s3, BUCKET, "us-west-2", NOW)
    assert not publish_certificate(s3, BUCKET, "us-west-2", NOW + timedelta(days=200))
    assert publish_certificate(s3, BUCKET, "us-west-2", NOW + timedelta(days=300))


@pytest.mark.parametrize(
    ("region", "name"), [("us-west-2", "*.us-west-2.compute.internal"), ("us-east-1", "*.ec2.internal")]
)
def test_certificate_contains_what_emr_expects_for_the_private_host_names_of_the_region(region: str, name: str) -> None:
    packed = make_certificate(region, NOW)
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert sorted(archive.namelist()) == ["certificateChain.pem", "privateKey.pem", "trustedCertificates.pem"]
        certificate = x509.load_pem_x509_certificate(archive.read("certificateChain.pem"))
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [name]
    assert not must_be_renewed(packed, NOW)
