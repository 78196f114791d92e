"""Every package imports as it is deployed: with its own files and its runtime's packages, without the repository."""

import json
import os
import platform
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from tests.function_environment import FUNCTION_ENVIRONMENT
from tools.package import build_packages
from tools.repository import REPOSITORY

FUNCTIONS = sorted(handler.parent.name for handler in REPOSITORY.glob("lambdas/*/handler.py"))
JOBS = ("emr_steps/process_features.py", "emr_steps/validate_features.py", "emr_steps/build_training_data.py",
        "glue/push_to_dynamodb.py")  # fmt: skip
INSTALLED = sysconfig.get_path("purelib")

IMPORT_EACH = """
import importlib.util, json, os, runpy, sys
own, installed, entries = json.loads(sys.argv[1])
# -S and -I: .pth files, which lead back to the repository, are not read.
sys.path[:] = own + [path for path in sys.path if path] + installed
repository = ("buyer_stage", "lambdas", "emr_steps", "glue", "localcloud", "tools", "sample_data", "benchmarks")
files = {}
for entry in entries:
    runpy.run_path(entry, run_name="imported")
for name, module in list(sys.modules.items()):
    if name.partition(".")[0] in repository and getattr(module, "__file__", None):
        files[name] = module.__file__
print(json.dumps(files))
"""


@pytest.fixture(scope="module")
def packages() -> Path:
    folder = REPOSITORY / "build/packages"
    build_packages(REPOSITORY, folder)
    return folder


def import_alone(own: list[Path], installed: list[str], entries: list[Path], folder: Path) -> dict[str, str]:
    """Import files in their own process and return module -> file for every module of the repository."""
    arguments = json.dumps([[str(path) for path in own], installed, [str(entry) for entry in entries]])
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "LD_LIBRARY_PATH") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", IMPORT_EACH, arguments],
        cwd=folder,
        env=environment | FUNCTION_ENVIRONMENT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


MAXIMUM_UNZIPPED_BYTES = 250 * 1024 * 1024
"""Of a function with its layers: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html."""


def test_functions_and_the_layer_fit_into_lambda(packages: Path) -> None:
    def unzipped(package: Path) -> int:
        with zipfile.ZipFile(package) as archive:
            return sum(entry.file_size for entry in archive.infolist())

    largest = max(unzipped(package) for package in (packages / "functions").iterdir())
    assert unzipped(packages / "layer.zip") + largest < MAXIMUM_UNZIPPED_BYTES


ON_LAMBDAS_PLATFORM = pytest.mark.skipif(
    (platform.system(), platform.machine()) != ("Linux", "x86_64"), reason="the layer holds binaries for Lambda"
)


@ON_LAMBDAS_PLATFORM
def test_handlers_import_with_nothing_but_the_layer(packages: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(packages / "layer.zip") as layer:
        layer.extractall(tmp_path)
    for function in FUNCTIONS:
        with zipfile.ZipFile(packages / f"functions/{function}.zip") as archive:
            archive.extract("handler.py", tmp_path / function)

    handlers = [tmp_path / function / "handler.py" for function in FUNCTIONS]
    files = import_alone([tmp_path / "python"], [], handlers, tmp_path)

    assert "buyer_stage.domain.errors" in files
    assert {name for name, file in files.items() if not Path(file).is_relative_to(tmp_path / "python")} == set()


@ON_LAMBDAS_PLATFORM
def test_only_the_function_that_writes_receipts_spends_its_start_on_them(packages: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(packages / "layer.zip") as layer:
        layer.extractall(tmp_path)
    others = [REPOSITORY / f"lambdas/{name}/handler.py" for name in FUNCTIONS if name != "write_run_receipt"]

    files = import_alone([tmp_path / "python"], [], others, tmp_path)

    assert [name for name in files if name.startswith("buyer_stage.receipts")] == []


@pytest.mark.parametrize("job", JOBS)
def test_step_or_job_imports_with_nothing_but_the_libraries(packages: Path, tmp_path: Path, job: str) -> None:
    libraries = packages / "code/libraries.zip"

    files = import_alone([libraries], [INSTALLED], [packages / "code" / job], tmp_path)

    assert "buyer_stage.domain.errors" in files
    assert {name for name, file in files.items() if not Path(file).is_relative_to(libraries)} == set()
