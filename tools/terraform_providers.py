"""Decide where Terraform gets its provider from.

The user's own CLI configuration decides when there is one. Otherwise the provider comes from the registry, or from a
provider mirror on this machine when the registry cannot be reached. `TF_PLUGIN_MIRROR` names a mirror explicitly.

A mirror runs code with the user's credentials. It is used only when other users cannot write to it, it is not below
a temporary folder, and its provider has the SHA-256 that this file pins.
"""

import functools
import hashlib
import os
import re
import stat
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path

from tools.repository import REPOSITORY
from tools.terraform_binary import VERSIONS_FILE, TerraformError, current_platform

REGISTRY = "registry.terraform.io"
REGISTRY_TIMEOUT_SECONDS = 5
PROVIDER = Path(REGISTRY) / "hashicorp" / "aws"
CONFIGURATION_FILE = REPOSITORY / "build" / "terraform" / "cli.tfrc"

PROVIDER_SHA256 = {
    ("5.100.0", "linux_amd64"): "8cb98768bcea942df561a918d65a8751f787ab348f7498bdfe6667dffcebd528",
}
"""(version, platform) -> SHA-256 of the provider's binary. It is part of the package that HashiCorp's registry lists
with the hash h1:edXOJWE4ORX8Fm+dpVpICzMZJat4AX0VRCAy/xkcOc0=."""

SEARCH_DEPTH = 4
NOT_SEARCHED = frozenset({"dev", "proc", "run", "sys", "tmp"})
TEMPORARY_FOLDERS = tuple(
    {Path(folder).resolve() for folder in ("/tmp", "/var/tmp", "/dev/shm", "/run", tempfile.gettempdir())}  # noqa: S108
)


def has_own_configuration() -> bool:
    """Check whether the user has a Terraform CLI configuration; a variable that names a missing file counts as none."""
    named = os.environ.get("TF_CLI_CONFIG_FILE") or os.environ.get("TERRAFORM_CONFIG")
    if named:
        return Path(named).is_file()
    home = Path.home()
    return (home / ".terraformrc").is_file() or any((home / ".terraform.d").glob("*.tfrc*"))


def registry_is_reachable(registry: str = f"https://{REGISTRY}") -> bool:
    """Check whether the provider registry responds, in at most a few seconds."""
    try:
        with urllib.request.urlopen(  # noqa: S310 # the registry is a constant
            f"{registry}/.well-known/terraform.json", timeout=REGISTRY_TIMEOUT_SECONDS
        ):
            return True
    except (OSError, HTTPException):
        return False


def provider_version() -> str:
    """Return the version of the AWS provider that `terraform/versions.tf` requires."""
    (version,) = re.findall(r'source\s*=\s*"hashicorp/aws"\s+version\s*=\s*"([\d.]+)"', VERSIONS_FILE.read_text())
    return str(version)


def objection(mirror: Path) -> str | None:
    """Return why a mirror must not be used, or None when it can be.

    Args:
        mirror: folder that contains `registry.terraform.io/hashicorp/aws/<version>/<platform>/`.
    """
    mirror = mirror.resolve()
    version, platform = provider_version(), current_platform()
    folder = mirror / PROVIDER / version / platform
    binary = next(iter(sorted(folder.glob(f"terraform-provider-aws_v{version}*"))), None)
    if binary is None:
        return f"it does not contain the AWS provider {version} for {platform}"
    if any(mirror.is_relative_to(temporary) for temporary in TEMPORARY_FOLDERS):
        return "it is below a temporary folder"
    if open_to_others := _first_that_others_can_write_to(mirror, binary):
        return f"other users can write to {open_to_others}"
    expected = PROVIDER_SHA256.get((version, platform))
    with binary.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != expected:
            return f"the SHA-256 of {binary.name} is not the one in tools/terraform_providers.py"
    return None


def _first_that_others_can_write_to(mirror: Path, binary: Path) -> Path | None:
    below = [path for path in (binary, *binary.parents) if path.is_relative_to(mirror)]
    for path in (*below, *mirror.parents):
        if path.is_symlink():  # It could lead to a folder that is not checked here.
            return path
        status = path.stat()
        writable = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        # Above the mirror, the sticky bit keeps others from replacing what is not theirs.
        sticky = path in mirror.parents and status.st_mode & stat.S_ISVTX
        if status.st_uid not in (0, os.getuid()) or (writable and not sticky):
            return path
    return None


def find_mirrors(root: Path = Path("/")) -> Iterator[Path]:
    """Yield the folders near a root that contain the provider, nearest first; skip links and unreadable folders."""
    level = [root]
    for _ in range(SEARCH_DEPTH):
        below: list[Path] = []
        for folder in level:
            if (folder / PROVIDER).is_dir():
                yield folder
            try:
                with os.scandir(folder) as entries:
                    below += sorted(Path(entry) for entry in entries if entry.is_dir(follow_symlinks=False))
            except OSError:
                continue
        level = [folder for folder in below if folder.parent != root or folder.name not in NOT_SEARCHED]


def choose_mirror(root: Path = Path("/")) -> Path | None:
    """Return the mirror to use, or None for the registry; print which one is used, and why others are not.

    Args:
        root: where to search when the registry cannot be reached.

    Raises:
        TerraformError: `TF_PLUGIN_MIRROR` names a mirror that must not be used.
    """
    if named := os.environ.get("TF_PLUGIN_MIRROR"):
        if reason := objection(Path(named)):
            raise TerraformError(f"TF_PLUGIN_MIRROR={named} cannot be used: {reason}")
        print(f"Terraform's provider comes from {named}, as TF_PLUGIN_MIRROR says", file=sys.stderr)
        return Path(named)
    if registry_is_reachable():
        return None
    for mirror in find_mirrors(root):
        if reason := objection(mirror):
            print(f"Provider mirror {mirror} is not used: {reason}", file=sys.stderr)
            continue
        print(f"{REGISTRY} cannot be reached; Terraform's provider comes from {mirror}", file=sys.stderr)
        return mirror
    return None


def cli_configuration(mirror: Path | None) -> str:
    """Return the text of a CLI configuration file for a mirror, or an empty one for Terraform's defaults."""
    if mirror is None:
        return ""
    return f'provider_installation {{\n  filesystem_mirror {{\n    path = "{mirror}"\n  }}\n}}\n'


@functools.cache
def cli_environment() -> dict[str, str]:
    """Return the environment variables that point Terraform at its provider; decide once per process.

    Returns:
        Nothing when the user's own configuration applies.

    Raises:
        TerraformError: `TF_PLUGIN_MIRROR` names a mirror that must not be used.
    """
    if has_own_configuration() and "TF_PLUGIN_MIRROR" not in os.environ:
        return {}
    CONFIGURATION_FILE.parent.mkdir(parents=True, exist_ok=True)
    # Test processes run in parallel: each replaces the file as a whole.
    complete = CONFIGURATION_FILE.with_suffix(f".{os.getpid()}")
    complete.write_text(cli_configuration(choose_mirror()))
    complete.replace(CONFIGURATION_FILE)
    return {"TF_CLI_CONFIG_FILE": str(CONFIGURATION_FILE)}
