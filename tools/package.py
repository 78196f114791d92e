"""Builds what Terraform deploys: `python -m tools.package --out build/packages`.

The same sources give the same bytes, so a package's hash changes only when its content does:

    layer.zip               the Lambda layer: the domain, the functions' shared edge and their pinned dependencies
    functions/<name>.zip    one Lambda function: its handler
    code/                   what EMR and Glue read from S3: libraries.zip, step and job scripts, queries
    code_version.txt        names this content, and its folder in S3
    s3_layout.json          the S3 layout, for Terraform
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

from tools.repository import REPOSITORY
from tools.terraform_layout import write_layout

LIBRARY_MODULES = ("buyer_stage/__init__.py", "buyer_stage/domain/**/*.py")
LAYER_MODULES = (*LIBRARY_MODULES, "buyer_stage/quality/**/*.py", "lambdas/__init__.py", "lambdas/common/**/*.py")
SPARK_MODULES = (*LIBRARY_MODULES, "buyer_stage/spark/**/*.py", "emr_steps/**/*.py", "glue/**/*.py")
CODE_FILES = ("emr_steps/*.py", "emr_steps/bootstrap.sh", "glue/push_to_dynamodb.py", "sql/*.sql")
LAYER_REQUIREMENTS = "requirements/layer.txt"

VERSION_FILE = "code_version.txt"

LAMBDA_PLATFORM = ("--platform", "manylinux2014_x86_64", "--python-version", "3.11", "--implementation", "cp")

SDK_SERVICES = frozenset({"glue", "s3", "sagemaker", "sns", "xray"})
"""What the functions call. The SDK describes hundreds of services; without the others a function starts in half the
time. A client of a service that is not named here fails by name, in tests too: `tests/unit/test_package.py`."""

INSTALLER_FILES = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"})
"""Written by pip about the machine that it ran on; nothing reads them in a layer."""


class MissingSourceError(FileNotFoundError):
    """A file or folder that a package is made of is not there."""


def write_zip(target: Path, entries: Iterable[tuple[str, Path]]) -> None:
    """Write a zip whose bytes depend on nothing but the entries' names and contents.

    Args:
        target: the zip file.
        entries: (name in the zip, file) pairs, in any order.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w") as archive:
        for name, file in sorted(entries):
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, wherever this runs: only then does Lambda heed the mode.
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, file.read_bytes())


def files_matching(root: Path, pattern: str) -> list[Path]:
    """Give the files of a pattern, sorted.

    Raises:
        MissingSourceError: there are none.
    """
    files = sorted(path for path in root.glob(pattern) if path.is_file())
    if not files:
        raise MissingSourceError(f"nothing matches {pattern} in {root}")
    return files


def module_entries(root: Path, pattern: str, prefix: str = "") -> list[tuple[str, Path]]:
    """Return the zip entries of the Python modules that match a pattern."""
    return [(f"{prefix}{path.relative_to(root)}", path) for path in files_matching(root, pattern)]


def belongs_in_layer(name: Path) -> bool:
    """Tell whether an installed file is used in Lambda and the same on every machine.

    Args:
        name: the file, relative to the installation.
    """
    match name.parts:
        case ("bin", *_):
            return False
        case ("botocore" | "boto3", "data", service, _, *_) if service not in SDK_SERVICES:
            return False
    return name.name not in INSTALLER_FILES


def dependency_entries(folder: Path, prefix: str) -> list[tuple[str, Path]]:
    """Give the zip entries of installed dependencies."""
    return [
        (f"{prefix}{name}", path)
        for path in folder.rglob("*")
        if path.is_file() and belongs_in_layer(name := path.relative_to(folder))
    ]


def install_dependencies(requirements: Path, cache: Path) -> Path:
    """Install the layer's dependencies for Lambda's platform, once per content of the requirements file.

    Args:
        requirements: pinned and hashed requirements.
        cache: folder that keeps installations.

    Returns:
        The folder of the installation.

    Raises:
        subprocess.CalledProcessError: pip could not install them.
    """
    installed = cache / f"layer-compiled-{hashlib.sha256(requirements.read_bytes()).hexdigest()[:16]}"
    if installed.exists():
        return installed
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        complete = Path(scratch) / "complete"
        pip = (sys.executable, "-m", "pip", "install", "--quiet", "--target", str(complete))
        options = ("--require-hashes", "--no-deps", "--no-compile", "--only-binary", ":all:")
        subprocess.run([*pip, *options, *LAMBDA_PLATFORM, "--requirement", str(requirements)], check=True)
        # Lambda's /opt is read-only: without byte code in the layer, every cold start would compile what it imports.
        # Unchecked, because a zip keeps no modification times to check against; in order, so that bytes repeat.
        compile_all = (sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash")
        paths = ("-s", str(complete), "-p", "/opt/python", str(complete))
        subprocess.run([*compile_all, *paths], check=True, env={**os.environ, "PYTHONHASHSEED": "0"})
        complete.rename(installed)
    return installed


def build_layer(root: Path, out: Path) -> None:
    """Write `layer.zip`, whose `python/` folder Lambda puts on the module path."""
    dependencies = install_dependencies(root / LAYER_REQUIREMENTS, out / "cache")
    entries = dependency_entries(dependencies, "python/")
    for pattern in LAYER_MODULES:
        entries += module_entries(root, pattern, "python/")
    write_zip(out / "layer.zip", entries)


def build_functions(root: Path, out: Path) -> None:
    """Write `functions/<name>.zip` for each folder of `lambdas/` that holds a handler."""
    shutil.rmtree(out / "functions", ignore_errors=True)
    for handler in files_matching(root, "lambdas/*/handler.py"):
        write_zip(out / "functions" / f"{handler.parent.name}.zip", [("handler.py", handler)])


def build_code(root: Path, out: Path) -> None:
    """Write the folder `code/`, as EMR and Glue find it in S3."""
    code = out / "code"
    shutil.rmtree(code, ignore_errors=True)
    write_zip(code / "libraries.zip", [entry for pattern in SPARK_MODULES for entry in module_entries(root, pattern)])
    for file in (file for pattern in CODE_FILES for file in files_matching(root, pattern)):
        target = code / file.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)


def content_version(out: Path) -> str:
    """Name what was built: the first 12 hex digits of a SHA-256 over every package's name and content."""
    digest = hashlib.sha256()
    files = [out / "layer.zip", *(out / "functions").rglob("*"), *(out / "code").rglob("*")]
    for file in sorted(file for file in files if file.is_file()):
        digest.update(f"{file.relative_to(out)}\n".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:12]


def build_packages(root: Path, out: Path) -> str:
    """Write everything that Terraform deploys.

    Args:
        root: the repository.
        out: folder of the packages; what an earlier build left there is replaced.

    Returns:
        The version of the content.

    Raises:
        MissingSourceError: a part of the product is not in the repository.
    """
    build_layer(root, out)
    build_functions(root, out)
    build_code(root, out)
    version = content_version(out)
    (out / VERSION_FILE).write_text(f"{version}\n")
    write_layout(out)
    return version


def main() -> None:
    """Build the packages of the repository that this module lies in."""
    parser = argparse.ArgumentParser(description="Build what Terraform deploys; same sources, same bytes.")
    parser.add_argument("--out", type=Path, required=True, help="folder of the packages")
    arguments = parser.parse_args()
    version = build_packages(REPOSITORY, arguments.out)
    print(f"code {version} is in {arguments.out}")


if __name__ == "__main__":
    main()
