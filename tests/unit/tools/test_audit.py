"""Every file of pinned packages is audited, and an ignored vulnerability has a reason and an end.

`pip-audit` is a stub here: the real one asks a database on the internet.
"""

from datetime import date
from pathlib import Path

import pytest

from tools import audit
from tools.audit import IgnoreError, ignored_vulnerabilities

TODAY = date(2026, 5, 20)
ENTRY = '[GHSA-1]\nreason = "not called"\nuntil = '


@pytest.fixture
def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Replace pip-audit by a stub that finds a vulnerability in packages named bad, and return the folder of files."""
    monkeypatch.setattr(audit, "REQUIREMENTS", tmp_path)
    monkeypatch.setattr(audit, "PIP_AUDIT", tmp_path / "pip-audit")
    (tmp_path / "pip-audit").write_text(f"""#!/bin/sh
echo "$@" >> {tmp_path}/calls
for file; do :; done
! grep -q bad "$file"
""")
    (tmp_path / "pip-audit").chmod(0o755)
    (tmp_path / "audit_ignored.toml").write_text(f"{ENTRY}9999-12-31\n")
    (tmp_path / "dev.txt").write_text("good==1\n")
    return tmp_path


def test_each_file_is_audited_by_itself_without_what_is_ignored(stub: Path) -> None:
    (stub / "layer.txt").write_text("good==1\n")
    audit.main()

    calls = (stub / "calls").read_text().splitlines()
    assert [call.rpartition("/")[2] for call in calls] == ["dev.txt", "layer.txt"]
    assert all("--require-hashes --disable-pip" in call and "--ignore-vuln GHSA-1" in call for call in calls)


def test_vulnerability_fails_with_the_name_of_the_file_after_all_were_audited(stub: Path) -> None:
    (stub / "audit.txt").write_text("bad==1\n")

    with pytest.raises(SystemExit, match=r"See above: audit\.txt\."):
        audit.main()
    assert "dev.txt" in (stub / "calls").read_text()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{ENTRY}2026-05-19", "GHSA-1 ended on 2026-05-19"),
        ("[GHSA-1]\nuntil = 2026-06-01", "GHSA-1 needs a reason"),
        ('[GHSA-1]\nreason = ""\nuntil = 2026-06-01', "GHSA-1 needs a reason"),
        ('[GHSA-1]\nreason = "not called"', "a date as until"),
        (f'{ENTRY}"never"', "a date as until"),
        ("GHSA-1 = true", "GHSA-1 needs a reason"),
    ],
)
def test_ignored_vulnerability_needs_a_reason_and_an_end(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "audit_ignored.toml").write_text(text)

    with pytest.raises(IgnoreError, match=message):
        ignored_vulnerabilities(tmp_path / "audit_ignored.toml", TODAY)


def test_ignored_vulnerability_counts_until_its_last_day(tmp_path: Path) -> None:
    (tmp_path / "audit_ignored.toml").write_text(f"{ENTRY}2026-05-20")

    assert ignored_vulnerabilities(tmp_path / "audit_ignored.toml", TODAY) == ["GHSA-1"]
