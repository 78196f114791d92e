"""Find Terraform: the one on PATH when its version fits, otherwise the pinned release, downloaded once into `build/`.

python -m tools.terraform_binary        prints the path of the binary
"""

import functools
import hashlib
import io
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
from http.client import HTTPException
from pathlib import Path

from tools.repository import REPOSITORY

VERSIONS_FILE = REPOSITORY / "terraform" / "versions.tf"
RELEASE_SITE = "https://releases.hashicorp.com/terraform"
DOWNLOADS = REPOSITORY / "build" / "tools"
TIMEOUT_SECONDS = 30

PINNED_VERSION = "1.11.4"
"""The release to download; `.github/actions/toolchain` installs the same."""

PINNED_SHA256 = {
    "darwin_amd64": "a56d5002b9f7647291faccc3dd1a70350e60fb61e4c45037629508b8fdc2575b",
    "darwin_arm64": "867e0808fa971217043e25b7a792b10720c79b1546f8a68479b74f138be73e18",
    "linux_amd64": "1ce994251c00281d6845f0f268637ba50c0005657eb3cf096b92f753b42ef4dc",
    "linux_arm64": "a43d1d0da9b9bab214a8305a39db0e40869572594ccf50c416a7756499143633",
}
"""Platform -> SHA-256 of the release's zip file, as HashiCorp publishes it."""


class TerraformError(Exception):
    """Terraform is missing, or one of its commands failed; the message holds the errors."""


def minimum_version() -> str:
    """Return the oldest Terraform that the configuration accepts, such as `1.11`; `terraform/versions.tf` states it."""
    (version,) = re.findall(r'required_version\s*=\s*">= ([\d.]+)"', VERSIONS_FILE.read_text())
    return str(version)


def current_platform() -> str:
    """Return this machine's platform as HashiCorp spells it, such as `linux_amd64`."""
    machine = platform.machine().lower()
    return f"{platform.system().lower()}_{({'x86_64': 'amd64', 'aarch64': 'arm64'}).get(machine, machine)}"


def version_of(binary: Path | str) -> str | None:
    """Return the version of a Terraform binary, or None when it does not run."""
    # A version manager's shim fails here when no version is selected, and Terraform itself would ask for updates.
    done = subprocess.run(
        [binary, "version", "-json"],
        env={**os.environ, "CHECKPOINT_DISABLE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        return str(json.loads(done.stdout)["terraform_version"])
    except (ValueError, KeyError):
        return None


def fits(version: str, minimum: str) -> bool:
    """Check whether a version, such as `1.11.4`, is at least the minimum."""
    return _numbers(version) >= _numbers(minimum)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version.partition("-")[0]))


def locate(downloads: Path = DOWNLOADS, site: str = RELEASE_SITE) -> Path:
    """Find Terraform on PATH, or download the pinned release.

    Args:
        downloads: folder that keeps the downloaded release.
        site: base URL of HashiCorp's releases of Terraform.

    Returns:
        The binary.

    Raises:
        TerraformError: no Terraform fits and the release cannot be downloaded; the message says what to do.
    """
    minimum = minimum_version()
    on_path = shutil.which("terraform")
    found = version_of(on_path) if on_path else None
    if on_path and found and fits(found, minimum):
        return Path(on_path)
    binary = downloads / f"terraform_{PINNED_VERSION}_{current_platform()}" / "terraform"
    if not binary.is_file():
        problem = f"Terraform {found} on PATH is older than {minimum}" if found else "Terraform is not on PATH"
        _download(binary, site, f"{problem}, and", f"install Terraform {minimum} or newer and try again.")
    return binary


def _download(binary: Path, site: str, problem: str, remedy: str) -> None:
    name = binary.parent.name
    expected = PINNED_SHA256.get(current_platform())
    if expected is None:
        raise TerraformError(f"{problem} no release is pinned for {current_platform()}. To continue, {remedy}")
    url = f"{site}/{PINNED_VERSION}/{name}.zip"
    print(f"Downloading Terraform {PINNED_VERSION} from {url}", file=sys.stderr)
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as response:  # noqa: S310 # the site is a constant
            archive = response.read()
    except (OSError, HTTPException) as error:
        raise TerraformError(
            f"{problem} {url} cannot be downloaded ({error}). Check the network and proxy settings, or {remedy}"
        ) from error
    actual = hashlib.sha256(archive).hexdigest()
    if actual != expected:
        raise TerraformError(
            f"{problem} {url} is not the pinned release: its SHA-256 is {actual}, expected {expected}. "
            f"To continue, {remedy}"
        )
    binary.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(io.BytesIO(archive)) as opened, tempfile.TemporaryDirectory(dir=binary.parent) as scratch:
        unpacked = Path(opened.extract("terraform", scratch))
        unpacked.chmod(0o755)
        unpacked.replace(binary)


@functools.cache
def find_terraform() -> Path:
    """Return the Terraform binary that everything in this repository runs; look for it once per process.

    Raises:
        TerraformError: there is none and none can be downloaded.
    """
    return locate()


def main() -> None:
    """Print the path of the binary; exit with 1 when there is none."""
    try:
        print(find_terraform())
    except TerraformError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
