"""Terraform on a copy of a configuration, so that its files do not mix with the repository's."""

import shutil
import subprocess
from pathlib import Path

from tools.terraform import terraform_call


def terraform(folder: Path, *arguments: str, given: str = "") -> str:
    """Run Terraform in a copied configuration and return what it printed; fail the test when the command fails.

    Args:
        folder: the copied configuration.
        arguments: the subcommand and its options.
        given: standard input of the command.
    """
    command, environment = terraform_call(folder, folder.parent / "terraform-data", arguments)
    done = subprocess.run(command, env=environment, input=given, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def initialized_copy(configuration: Path, root: Path) -> Path:
    """Copy a configuration into a folder and install its provider there."""
    ignored = shutil.ignore_patterns(".terraform*", "*.tfstate*")
    copy = Path(shutil.copytree(configuration, root / configuration.name, ignore=ignored))
    terraform(copy, "init", "-backend=false", "-input=false")
    return copy
