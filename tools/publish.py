"""Upload the packages to the code bucket, where Terraform, EMR and Glue read them.

python -m tools.publish --environment dev

The packages go to `code/{version}/` of the environment's code bucket. The code version is a hash of the content, so a
published file never changes: it is written once, and every later deployment compares it with the packages. Older
versions stay, so that a rollback finds its code.
"""

import argparse
import base64
import hashlib
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import ClientError

from buyer_stage.domain.s3_layout import EMR_CERTIFICATE_KEY, code_prefix
from tools.certificate import make_certificate, must_be_renewed
from tools.environment import require
from tools.package import VERSION_FILE
from tools.repository import REPOSITORY
from tools.terraform import ENVIRONMENTS, TerraformError, require_own

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class NothingToPublishError(FileNotFoundError):
    """The packages have not been built."""


class PublishedCodeError(Exception):
    """A file in the code bucket is not the file of the packages."""


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
    """Upload the files of a version that are not in the bucket yet, and check those that are.

    Returns:
        The code version, and the number of uploaded files.

    Raises:
        NothingToPublishError: the packages have not been built.
        PublishedCodeError: the bucket has another file under this version.
    """
    files = package_files(packages)
    version = (packages / VERSION_FILE).read_text().strip()
    return version, sum(_write_once(s3, bucket, code_prefix(version) + name, file) for name, file in files.items())


def _write_once(s3: "S3Client", bucket: str, key: str, file: Path) -> bool:
    content = file.read_bytes()
    checksum = base64.b64encode(hashlib.sha256(content).digest()).decode()
    try:
        s3.put_object(
            Bucket=bucket, Key=key, Body=content, ChecksumAlgorithm="SHA256", ChecksumSHA256=checksum, IfNoneMatch="*"
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "PreconditionFailed":
            raise
    else:
        return True
    published = s3.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED").get("ChecksumSHA256")
    if published != checksum:
        raise PublishedCodeError(
            f"s3://{bucket}/{key} is not the file of these packages: its SHA-256 checksum is {published}, not "
            f"{checksum}. Find out in CloudTrail who wrote it. A person with administrator permissions can then delete "
            "the folder of this version, so that the next deployment publishes it again."
        )
    return False


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
        PublishedCodeError: the bucket has another file under this version.
    """
    s3 = boto3.client("s3")
    version, uploaded = publish_code(s3, bucket, packages)
    renewed = publish_certificate(s3, bucket, region, datetime.now(UTC))
    return f"Code version {version} is in {bucket}; uploaded {uploaded} files{' and a certificate' if renewed else ''}"


def main() -> None:
    """Upload the packages for one environment; exit with 1 when they are missing or differ from published ones."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--environment", required=True, choices=ENVIRONMENTS)
    parser.add_argument("--packages", type=Path, default=REPOSITORY / "build" / "packages")
    arguments = parser.parse_args()
    require(arguments.environment)
    region = boto3.Session().region_name
    if region is None:
        sys.exit("There is no AWS region. Set AWS_DEFAULT_REGION to the region of the environment.")
    try:
        bucket = code_bucket(arguments.environment)
        require_own(bucket)
        print(publish(bucket, arguments.packages, region))
    except (NothingToPublishError, PublishedCodeError, TerraformError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
