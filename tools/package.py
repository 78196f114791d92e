"""Build what Terraform deploys, or take the packages that an earlier build wrote.

python -m tools.package --out build/packages [--from FOLDER]

The same sources produce the same bytes, so a package's hash changes only when its content changes:

    layer.zip               the Lambda layer: domain, quality, receipts, the code that functions share, and dependencies
    functions/<name>.zip    one Lambda function: its handler
    code/                   what EMR and Glue read from S3: libraries.zip, step and job scripts, queries
    code_version.txt        the name of this content, and of its folder in S3
    s3_layout.json          the S3 layout, for Terraform
    sources_sha256.txt      the hash of the sources, so that packages of other sources are not deployed
"""

import argparse
import contextlib
import fcntl
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

from tools.repository import REPOSITORY
from tools.terraform_layout import LAYOUT_FILE, layout_json

LIBRARY_MODULES = ("buyer_stage/__init__.py", "buyer_stage/domain/**/*.py")
LAYER_MODULES = (
    *LIBRARY_MODULES,
    "buyer_stage/quality/**/*.py",
    "buyer_stage/receipts/**/*.py",
    "buyer_stage/receipts/templates/*",
    "lambdas/__init__.py",
    "lambdas/common/**/*.py",
)
SPARK_MODULES = (*LIBRARY_MODULES, "buyer_stage/spark/**/*.py", "emr_steps/**/*.py", "glue/**/*.py")
CODE_FILES = ("emr_steps/*.py", "emr_steps/bootstrap.sh", "glue/push_to_dynamodb.py", "sql/*.sql")
HANDLERS = "lambdas/*/handler.py"
LAYER_REQUIREMENTS = "requirements/layer.txt"

VERSION_FILE = "code_version.txt"
SOURCES_FILE = "sources_sha256.txt"
LOCK_FILE = ".lock"

REMEDY = "Run `make package` in the commit to deploy and use all that it writes, or leave out PACKAGES= to build."
"""What to do about packages that cannot be used."""

LAMBDA_PLATFORM = ("--platform", "manylinux2014_x86_64", "--python-version", "3.11", "--implementation", "cp")

SDK_SERVICES = frozenset({"dynamodb", "glue", "s3", "sagemaker", "sns", "stepfunctions", "xray"})
"""Services that the functions call. The SDK describes hundreds; without the others, a function starts in half the time.
`tests/unit/tools/test_package.py` fails when a handler calls a service that is missing here."""

INSTALLER_FILES = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"})
"""What pip writes about the machine that it runs on; Lambda does not read it."""


class MissingSourceError(FileNotFoundError):
    """A file or folder that a package consists of does not exist."""


class UnusablePackagesError(Exception):
    """A folder does not hold the complete packages of the present sources."""


def write_zip(target: Path, entries: Iterable[tuple[str, Path]]) -> None:
    """Write a zip file whose bytes depend only on the names and contents of its entries.

    Args:
        target: the zip file.
        entries: (name in the zip, file) pairs, in any order.
    """
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, file in sorted(entries):
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, on every machine: otherwise Lambda ignores the mode.
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, file.read_bytes())
    write_if_changed(target, packed.getvalue())


def write_if_changed(target: Path, content: bytes) -> None:
    """Write a file, but leave one alone that has this content: a deployment in another process can be reading it."""
    if target.is_file() and target.read_bytes() == content:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)


def remove_others(folder: Path, written: Iterable[Path]) -> None:
    """Delete the files of a folder that this build did not write."""
    kept = set(written)
    for file in folder.rglob("*"):
        if file.is_file() and file not in kept:
            file.unlink()


def files_matching(root: Path, pattern: str) -> list[Path]:
    """Return the files that match a pattern, sorted.

    Raises:
        MissingSourceError: no file matches.
    """
    files = sorted(path for path in root.glob(pattern) if path.is_file())
    if not files:
        raise MissingSourceError(f"no file in {root} matches {pattern}")
    return files


def module_entries(root: Path, pattern: str, prefix: str = "") -> list[tuple[str, Path]]:
    """Return the zip entries of the Python modules, and of the files that they read, that match a pattern."""
    return [(f"{prefix}{path.relative_to(root)}", path) for path in files_matching(root, pattern)]


def belongs_in_layer(name: Path) -> bool:
    """Check whether Lambda uses an installed file and the file is the same on every machine.

    Args:
        name: the file, relative to the installation.
    """
    match name.parts:
        case ("bin", *_):
            return False
        case ("botocore" | "boto3", "data", service, _, *_) if service not in SDK_SERVICES:
            return False
    return "tests" not in name.parts and name.name not in INSTALLER_FILES


def dependency_entries(folder: Path, prefix: str) -> list[tuple[str, Path]]:
    """Return the zip entries of installed dependencies."""
    return [
        (f"{prefix}{name}", path)
        for path in folder.rglob("*")
        if path.is_file() and belongs_in_layer(name := path.relative_to(folder))
    ]


def install_dependencies(requirements: Path, cache: Path) -> Path:
    """Install the layer's dependencies for Lambda's platform, once per content of the requirements file.

    Args:
        requirements: file of pinned and hashed requirements.
        cache: folder that keeps installations.

    Returns:
        The folder of the installation.

    Raises:
        subprocess.CalledProcessError: pip cannot install the requirements.
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
        # Lambda's /opt is read-only: without byte code in the layer, every cold start would compile its imports.
        # Unchecked, because the zip has no modification times to check; a fixed hash seed makes the bytes repeat.
        compile_all = (sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash")
        paths = ("-s", str(complete), "-p", "/opt/python", str(complete))
        subprocess.run([*compile_all, *paths], check=True, env={**os.environ, "PYTHONHASHSEED": "0"})
        complete.rename(installed)
    return installed


def build_layer(root: Path, out: Path) -> None:
    """Write `layer.zip`; Lambda adds its `python/` folder to the module path."""
    dependencies = install_dependencies(root / LAYER_REQUIREMENTS, out / "cache")
    entries = dependency_entries(dependencies, "python/")
    for pattern in LAYER_MODULES:
        entries += module_entries(root, pattern, "python/")
    write_zip(out / "layer.zip", entries)


def build_functions(root: Path, out: Path) -> None:
    """Write `functions/<name>.zip` for each folder of `lambdas/` that contains a handler."""
    functions = out / "functions"
    handlers = {functions / f"{file.parent.name}.zip": file for file in files_matching(root, HANDLERS)}
    for target, handler in handlers.items():
        write_zip(target, [("handler.py", handler)])
    remove_others(functions, handlers)


def build_code(root: Path, out: Path) -> None:
    """Write the folder `code/`, which EMR and Glue read from S3."""
    code = out / "code"
    libraries = code / "libraries.zip"
    write_zip(libraries, [entry for pattern in SPARK_MODULES for entry in module_entries(root, pattern)])
    files = {code / file.relative_to(root): file for pattern in CODE_FILES for file in files_matching(root, pattern)}
    for target, file in files.items():
        write_if_changed(target, file.read_bytes())
    remove_others(code, [libraries, *files])


def content_version(out: Path) -> str:
    """Return the code version: the first 12 hex digits of a SHA-256 over every package's name and content."""
    digest = hashlib.sha256()
    files = [out / "layer.zip", *(out / "functions").rglob("*"), *(out / "code").rglob("*")]
    for file in sorted(file for file in files if file.is_file()):
        digest.update(f"{file.relative_to(out)}\n".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:12]


def sources_hash(root: Path) -> str:
    """Return a SHA-256 over the name and content of every file that decides what a build writes."""
    builders = (LAYER_REQUIREMENTS, "tools/package.py", "tools/terraform_layout.py")
    patterns = {*LAYER_MODULES, *SPARK_MODULES, *CODE_FILES, HANDLERS, *builders}
    digest = hashlib.sha256()
    for file in sorted({file for pattern in patterns for file in root.glob(pattern) if file.is_file()}):
        digest.update(f"{file.relative_to(root)}\n".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def build_packages(root: Path, out: Path) -> str:
    """Write everything that Terraform deploys, unless an earlier build of the same sources has written it.

    Args:
        root: the repository.
        out: folder of the packages; those of other sources are replaced.

    Returns:
        The code version.

    Raises:
        MissingSourceError: a source file is missing.
    """
    out.mkdir(parents=True, exist_ok=True)
    with (out / LOCK_FILE).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # Tests build the same packages in parallel processes.
        write_if_changed(out / LAYOUT_FILE, layout_json().encode())
        with contextlib.suppress(UnusablePackagesError):
            return take_packages(root, out, out)
        build_layer(root, out)
        build_functions(root, out)
        build_code(root, out)
        version = content_version(out)
        write_if_changed(out / VERSION_FILE, f"{version}\n".encode())
        write_if_changed(out / SOURCES_FILE, f"{sources_hash(root)}\n".encode())
    return version


def take_packages(root: Path, packages: Path, out: Path) -> str:
    """Use the packages of an earlier build of the same sources instead of building them.

    Args:
        root: the repository.
        packages: folder that an earlier build wrote, on this machine or another.
        out: folder to copy the packages to; it can be the same folder.

    Returns:
        The code version.

    Raises:
        UnusablePackagesError: the folder is incomplete or damaged, or its packages are from other sources.
    """
    if missing := [name for name in (VERSION_FILE, SOURCES_FILE, LAYOUT_FILE) if not (packages / name).is_file()]:
        raise UnusablePackagesError(f"{packages} has no {', '.join(missing)}. {REMEDY}")
    version = (packages / VERSION_FILE).read_text().strip()
    if content_version(packages) != version:
        raise UnusablePackagesError(f"{packages} does not hold every file of code version {version}. {REMEDY}")
    if (packages / SOURCES_FILE).read_text().strip() != sources_hash(root):
        raise UnusablePackagesError(f"{packages} was built from other sources than {root} holds. {REMEDY}")
    if packages.resolve() != out.resolve():
        for folder in ("functions", "code"):
            shutil.rmtree(out / folder, ignore_errors=True)
        shutil.copytree(packages, out, ignore=shutil.ignore_patterns("cache", LOCK_FILE), dirs_exist_ok=True)
    return version


def main() -> None:
    """Build the packages of this repository, or take those in a folder; exit with 1 when they cannot be used."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder of the packages")
    parser.add_argument("--from", dest="packages", type=Path, help="folder of packages to use instead of building")
    arguments = parser.parse_args()
    try:
        if arguments.packages is None:
            version = build_packages(REPOSITORY, arguments.out)
        else:
            version = take_packages(REPOSITORY, arguments.packages, arguments.out)
    except UnusablePackagesError as error:
        sys.exit(str(error))
    print(f"Code version {version} is in {arguments.out}")


if __name__ == "__main__":
    main()
