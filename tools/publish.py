"""Publishes what `tools.package` built, where Terraform, EMR and Glue find it.

python -m tools.publish --environment dev

The code goes to `code/{version}/` of the environment's code bucket. The version is a hash of the content, so a folder
never changes once it is complete, and older versions stay: a rollback finds the code that it goes back to.
"""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import boto3

from buyer_stage.domain.s3_layout import EMR_CERTIFICATE_KEY, code_prefix
from tools.certificate import make_certificate, must_be_renewed
from tools.package import VERSION_FILE
from tools.repository import REPOSITORY
from tools.terraform import ENVIRONMENTS

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class NothingToPublishError(FileNotFoundError):
    """The packages have not been built."""


def code_bucket(environment: str) -> str:
    """Name of the bucket that `terraform/bootstrap` makes for an environment's code, in the caller's account."""
    account = boto3.client("sts").get_caller_identity()["Account"]
    return f"buyer-stage-code-{environment}-{account}"


def package_files(packages: Path) -> dict[str, Path]:
    """Give the files to publish by their key below the version's folder.

    Raises:
        NothingToPublishError: there are none.
    """
    code = packages / "code"
    files = {str(file.relative_to(code)): file for file in sorted(code.rglob("*")) if file.is_file()}
    files |= {str(file.relative_to(packages)): file for file in sorted((packages / "functions").glob("*.zip"))}
    files["layer.zip"] = packages / "layer.zip"
    if missing := [name for name, file in files.items() if not file.is_file()]:
        raise NothingToPublishError(f"{packages} holds no {', '.join(missing)}; run `make package`")
    return files


def publish_code(s3: "S3Client", bucket: str, packages: Path) -> tuple[str, int]:
    """Upload the files of a version that are not in the bucket yet.

    Returns:
        The version, and how many files were uploaded.

    Raises:
        NothingToPublishError: the packages have not been built.
    """
    files = package_files(packages)
    version = (packages / VERSION_FILE).read_text().strip()
    prefix = code_prefix(version)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    there = {found["Key"] for page in pages for found in page.get("Contents", [])}
    missing = {prefix + name: file for name, file in files.items() if prefix + name not in there}
    for key, file in missing.items():
        s3.upload_file(str(file), bucket, key)
    return version, len(missing)


def publish_certificate(s3: "S3Client", bucket: str, region: str, now: datetime) -> bool:
    """Put a certificate for clusters into the bucket when there is none, or when it will end soon.

    Returns:
        Whether a new one was made.
    """
    try:
        present = s3.get_object(Bucket=bucket, Key=EMR_CERTIFICATE_KEY)["Body"].read()
    except s3.exceptions.NoSuchKey:
        present = None
    if present is not None and not must_be_renewed(present, now):
        return False
    s3.put_object(Bucket=bucket, Key=EMR_CERTIFICATE_KEY, Body=make_certificate(region, now))
    return True


def publish(bucket: str, packages: Path, region: str) -> str:
    """Publish the packages and, when it is time, a certificate.

    Returns:
        What was done, in a sentence.

    Raises:
        NothingToPublishError: the packages have not been built.
    """
    s3 = boto3.client("s3")
    version, uploaded = publish_code(s3, bucket, packages)
    renewed = publish_certificate(s3, bucket, region, datetime.now(UTC))
    return f"code {version} is in {bucket}; uploaded {uploaded} files{' and a new certificate' if renewed else ''}"


def main() -> None:
    """Publish the packages for one environment."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--environment", required=True, choices=ENVIRONMENTS)
    parser.add_argument("--packages", type=Path, default=REPOSITORY / "build" / "packages")
    arguments = parser.parse_args()
    region = boto3.Session().region_name
    if region is None:
        sys.exit("no region: set AWS_DEFAULT_REGION to the region of the environment")
    try:
        print(publish(code_bucket(arguments.environment), arguments.packages, region))
    except NothingToPublishError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
