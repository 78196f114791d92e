"""Terraform on a copy of a configuration, so that its own files do not get among ours."""

import os
import shutil
import subprocess
from pathlib import Path

from tools.terraform_mirror import cli_configuration, find_mirror


def terraform(folder: Path, *arguments: str) -> str:
    """Run Terraform in a copied configuration and give what it printed; a failure fails the test with all of it."""
    environment = {
        **os.environ,
        "CHECKPOINT_DISABLE": "1",
        "TF_CLI_CONFIG_FILE": str(folder.parent / "terraform.rc"),
        "TF_DATA_DIR": str(folder.parent / "terraform-data"),
    }
    done = subprocess.run(
        ["terraform", f"-chdir={folder}", *arguments, "-no-color"], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def initialised_copy(configuration: Path, root: Path) -> Path:
    """Copy a configuration into a folder and get its provider."""
    (root / "terraform.rc").write_text(cli_configuration(find_mirror()))
    ignored = shutil.ignore_patterns(".terraform*", "*.tfstate*")
    copy = Path(shutil.copytree(configuration, root / configuration.name, ignore=ignored))
    terraform(copy, "init", "-backend=false", "-input=false")
    return copy
