"""Look for known vulnerabilities in every file of pinned packages.

python -m tools.audit

`requirements/audit_ignored.toml` lists vulnerabilities to leave out. Each needs a reason, and an end date on which a
person looks again.
"""

import subprocess
import sys
import tomllib
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from tools.repository import REPOSITORY

REQUIREMENTS = REPOSITORY / "requirements"
PIP_AUDIT = REPOSITORY / ".venv-audit/bin/pip-audit"


class IgnoreError(ValueError):
    """An entry of the list of ignored vulnerabilities is incomplete or has ended."""


def ignored_vulnerabilities(file: Path, today: date) -> list[str]:
    """Return the ids of the vulnerabilities to leave out.

    Raises:
        IgnoreError: an entry has no id, reason or end date, or its end date has passed.
    """
    ids = []
    for vulnerability, entry in tomllib.loads(file.read_text()).items():
        if not isinstance(entry, dict) or not entry.get("reason") or type(entry.get("until")) is not date:
            raise IgnoreError(f"{file.name}: {vulnerability} needs a reason, and a date as until")
        if entry["until"] < today:
            raise IgnoreError(
                f"{file.name}: {vulnerability} ended on {entry['until']}; update the package, or look again"
            )
        ids.append(vulnerability)
    return ids


def audit(program: Path, files: Sequence[Path], ignored: Sequence[str]) -> list[str]:
    """Audit files of pinned packages and print what is found.

    Args:
        program: `pip-audit`.
        files: the files. Each gets a run of its own, because they pin different versions of a package.
        ignored: ids of vulnerabilities to leave out.

    Returns:
        The names of the files with a vulnerability, or that could not be audited.
    """
    leave_out = [word for vulnerability in ignored for word in ("--ignore-vuln", vulnerability)]
    options = ["--strict", "--require-hashes", "--disable-pip", "--progress-spinner", "off", *leave_out]
    failed = []
    for file in files:
        print(f"{file.name}:", flush=True)
        if subprocess.run([program, *options, "--requirement", file], check=False).returncode != 0:
            failed.append(file.name)
    return failed


def main() -> None:
    """Audit every file of `requirements/`; exit with 1 when one has a vulnerability or cannot be audited."""
    try:
        ignored = ignored_vulnerabilities(REQUIREMENTS / "audit_ignored.toml", datetime.now(UTC).date())
    except IgnoreError as error:
        sys.exit(str(error))
    if failed := audit(PIP_AUDIT, sorted(REQUIREMENTS.glob("*.txt")), ignored):
        sys.exit(f"See above: {', '.join(failed)}. Update with `make lock`, or add the id to audit_ignored.toml.")


if __name__ == "__main__":
    main()
