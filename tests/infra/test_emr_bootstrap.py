"""EMR instances install the packages that the steps are tested with."""

import re

from tools.repository import REPOSITORY


def pins(text: str) -> dict[str, set[str]]:
    """Return the hashes of each pinned requirement."""
    found = re.findall(r"^(\S+==\S+) \\\n((?:\s+--hash=\S+(?: \\)?\n?)+)", text, flags=re.MULTILINE)
    return {name: set(re.findall(r"--hash=(\S+)", hashes)) for name, hashes in found}


def test_emr_instances_install_the_tested_versions() -> None:
    installed = pins((REPOSITORY / "emr_steps/bootstrap.sh").read_text())
    locked = pins((REPOSITORY / "requirements/dev.txt").read_text())
    names = {requirement.partition("==")[0] for requirement in installed}
    boto3 = {"boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3"}
    assert names == {"sqlglot", *boto3}
    assert installed.items() <= locked.items()
