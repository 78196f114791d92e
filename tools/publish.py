"""Upload the packages to the code bucket, where Terraform, EMR and Glue read them.

python -m tools.publish --environment dev

The packages go to `code/{version}/` of the environment's code bucket. The code version is a hash of the content, so a
complete folder never changes. Older versions stay, so that a rollback finds its code.
"""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import boto3

from buyer_stage.domain.s3_layout import EMR_CERTIFICATE_KEY, code_prefix
from tools.certificate import make_certificate, must_be_renewed
from tools.environment import require
from tools.package import VERSION_FILE
from tools.repository import REPOSITORY
from tools.terraform import ENVIRONMENTS

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class NothingToPublishError(FileNotFoundError):
    """The packages have not been built."""


def code_bucket(environment: str) -> str:
    """Return the name of an environment's code bucket, which `terraform/bootstrap` creates in the caller's account."""
    account = boto3.client("sts").get_caller_identity()["Account"]
    return f"buyer-stage-code-{environment}-{account}"


def package_files(packages: Path) -> dict[str, Path]:
    """Return the files to upload: key below the folder of the version -> file.

    Raises:
        NothingToPublishError: the packages have not been built.
    """
    code = packages / "code"
    files = {str(file.relative_to(code)): file for file in sorted(code.rglob("*")) if file.is_file()}
    files |= {str(file.relative_to(packages)): file for file in sorted((packages / "functions").glob("*.zip"))}
    files["layer.zip"] = packages / "layer.zip"
    if missing := [name for name, file in files.items() if not file.is_file()]:
        raise NothingToPublishError(f"{packages} does not contain {', '.join(missing)}. Run `make package`.")
    return files


def publish_code(s3: "S3Client", bucket: str, packages: Path) -> tuple[str, int]:
    """Upload the files of a version that are not in the bucket yet.

    Returns:
        The code version, and the number of uploaded files.

    Raises:
        NothingToPublishError: the packages have not been built.
    """
    files = package_files(packages)
    version = (packages / VERSION_FILE).read_text().strip()
    prefix = code_prefix(version)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    present = {found["Key"] for page in pages for found in page.get("Contents", [])}
    missing = {prefix + name: file for name, file in files.items() if prefix + name not in present}
    for key, file in missing.items():
        s3.upload_file(str(file), bucket, key)
    return version, len(missing)


def publish_certificate(s3: "S3Client", bucket: str, region: str, now: datetime) -> bool:
    """Upload a certificate for clusters when there is none, or when the present one expires soon.

    Returns:
        Whether a certificate was uploaded.
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
    """Upload the packages and, when one is needed, a certificate.

    Returns:
        A sentence that says what was uploaded.

    Raises:
        NothingToPublishError: the packages have not been built.
    """
    s3 = boto3.client("s3")
    version, uploaded = publish_code(s3, bucket, packages)
    renewed = publish_certificate(s3, bucket, region, datetime.now(UTC))
    return f"Code version {version} is in {bucket}; uploaded {uploaded} files{' and a certificate' if renewed else ''}"


def main() -> None:
    """Upload the packages for one environment; exit with 1 when they have not been built."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--environment", required=True, choices=ENVIRONMENTS)
    parser.add_argument("--packages", type=Path, default=REPOSITORY / "build" / "packages")
    arguments = parser.parse_args()
    require(arguments.environment)
    region = boto3.Session().region_name
    if region is None:
        sys.exit("There is no AWS region. Set AWS_DEFAULT_REGION to the region of the environment.")
    try:
        print(publish(code_bucket(arguments.environment), arguments.packages, region))
    except NothingToPublishError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
