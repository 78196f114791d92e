"""The programs that a rehearsed job finds on its PATH besides those of the operating system."""

import os
import shlex
import shutil
import sys
from pathlib import Path

from localcloud.rehearsal import fake_gh
from tools.repository import REPOSITORY
from tools.terraform_binary import find_terraform

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

PYTHON = """#!/usr/bin/env bash
set -euo pipefail
if [ "${{1:-}} ${{2:-}}" = "-m venv" ] && [ -n "${{AWS_ACCESS_KEY_ID:-}}" ]; then
  echo "packages would be installed with the rights of a role: run make setup-deploy before the role is taken" >&2
  exit 1
fi
{python} "$@"
if [ "${{1:-}} ${{2:-}}" = "-m venv" ]; then
  PYTHONPATH={repository} {own_python} -P -m localcloud.rehearsal.programs "$3"
fi
"""

OWN = ("pip", "setuptools", "pkg_resources", "_distutils_hack", "distutils-precedence", "__pycache__")
"""What a new Python environment brings itself."""


def install_gh(folder: Path) -> None:
    """Write a fake `gh` to a folder."""
    _write(folder / "gh", f'#!/usr/bin/env bash\nexec {sys.executable} {fake_gh.__file__} "$@"\n')


def install_python(folder: Path) -> None:
    """Write a `python3.11` to a folder: that of this process, without its packages.

    Installing 1.5 GB for each job would take most of the rehearsal. A new environment therefore starts with hard links
    to this machine's packages, and pip checks that each is the pinned version.
    """
    python = Path(sys.base_prefix) / "bin" / "python3.11"
    quoted = {"python": python, "own_python": sys.executable, "repository": REPOSITORY}
    _write(folder / "python3.11", PYTHON.format(**{name: shlex.quote(str(path)) for name, path in quoted.items()}))


def install_terraform(folder: Path) -> None:
    """Write a `terraform` to a folder, which runs the one that this repository uses."""
    _write(folder / "terraform", f'#!/usr/bin/env bash\nexec {shlex.quote(str(find_terraform()))} "$@"\n')


def _write(program: Path, text: str) -> None:
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(text)
    program.chmod(0o755)


def link_packages(source: Path, target: Path) -> None:
    """Link the packages of one Python environment into a new one, except this repository's own.

    Args:
        source: `site-packages` of the environment with packages.
        target: `site-packages` of the new environment.
    """

    def left_out(folder: str, names: list[str]) -> list[str]:
        if Path(folder) != source:
            return []
        return [name for name in names if name.startswith(OWN) or "buyer_stage" in name]

    shutil.copytree(source, target, ignore=left_out, copy_function=_link, symlinks=True, dirs_exist_ok=True)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)


def main() -> None:
    """Link this machine's packages into a new environment with the same name, such as `.venv`."""
    environment = Path(sys.argv[1])
    packages = Path("lib") / "python3.11" / "site-packages"
    source = REPOSITORY / environment.name / packages
    if source.is_dir():
        link_packages(source.resolve(), environment.resolve() / packages)


if __name__ == "__main__":
    main()
