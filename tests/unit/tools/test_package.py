"""What Terraform deploys is complete, and the same sources produce the same bytes."""

import os
import re
import zipfile
from pathlib import Path

import pytest

from tools import package
from tools.package import (
    LAYER_REQUIREMENTS,
    SDK_SERVICES,
    MissingSourceError,
    UnusablePackagesError,
    belongs_in_layer,
    build_packages,
    take_packages,
    write_zip,
)
from tools.repository import REPOSITORY

SOURCES = {
    "buyer_stage/__init__.py": "",
    "buyer_stage/domain/stages.py": "STAGES = ()\n",
    "buyer_stage/spark/files.py": "",
    "emr_steps/process_features.py": "print('features')\n",
    "emr_steps/bootstrap.sh": "#!/bin/bash\n",
    "glue/push_to_dynamodb.py": "",
    "sql/features.sql": "SELECT 1\n",
    "lambdas/__init__.py": "",
    "buyer_stage/domain/__init__.py": "",
    "buyer_stage/quality/__init__.py": "",
    "buyer_stage/receipts/document.py": "",
    "buyer_stage/receipts/templates/page.html": "",
    "buyer_stage/training/fitting.py": "",
    "lambdas/common/__init__.py": "",
    "lambdas/common/events.py": "",
    "lambdas/start_automl/__init__.py": "",
    "lambdas/start_automl/handler.py": "def handler(): ...\n",
    LAYER_REQUIREMENTS: "six==1.0 --hash=sha256:00\n",
}


def write_sources(root: Path) -> Path:
    for name, text in SOURCES.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return root


@pytest.fixture(autouse=True)
def dependencies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the packages that pip would install."""
    folder = tmp_path / "dependencies"
    for name in ("six.py", "six-1.0.dist-info/RECORD", "six-1.0.dist-info/METADATA", "bin/six"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    monkeypatch.setattr(package, "install_dependencies", lambda *_: folder)


def names_in(archive: Path) -> list[str]:
    with zipfile.ZipFile(archive) as opened:
        return opened.namelist()


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_same_sources_produce_the_same_bytes_at_any_time_and_with_any_file_mode(tmp_path: Path) -> None:
    first, second = (write_sources(tmp_path / name) for name in ("first", "second"))
    for file in second.rglob("*.py"):
        os.utime(file, (0, 0))
        file.chmod(0o755)

    build_packages(first, tmp_path / "out1")
    build_packages(second, tmp_path / "out2")

    assert contents(tmp_path / "out1") == contents(tmp_path / "out2")


def test_second_build_of_the_same_sources_leaves_the_files_alone(tmp_path: Path) -> None:
    source, out = write_sources(tmp_path / "source"), tmp_path / "out"
    build_packages(source, out)
    packages = [file for file in out.rglob("*") if file.is_file() and file.name != package.LOCK_FILE]
    for file in packages:
        os.utime(file, (0, 0))

    build_packages(source, out)

    assert {file.stat().st_mtime for file in packages} == {0}


def test_damaged_package_is_built_again(tmp_path: Path) -> None:
    source, out = write_sources(tmp_path / "source"), tmp_path / "out"
    build_packages(source, out)
    built = (out / "layer.zip").read_bytes()
    (out / "layer.zip").write_bytes(built[:-1])

    build_packages(source, out)

    assert (out / "layer.zip").read_bytes() == built


@pytest.mark.parametrize(
    "changed", ["emr_steps/process_features.py", "lambdas/start_automl/handler.py", "buyer_stage/domain/stages.py"]
)
def test_version_changes_with_the_content(tmp_path: Path, changed: str) -> None:
    source = write_sources(tmp_path / "source")
    version = build_packages(source, tmp_path / "out1")
    (source / changed).write_text("changed = True\n")

    assert build_packages(source, tmp_path / "out2") != version
    assert (tmp_path / "out1/code_version.txt").read_text() == f"{version}\n"


def test_order_of_entries_does_not_change_a_zip(tmp_path: Path) -> None:
    entries = [(name, write_sources(tmp_path / "source") / name) for name in SOURCES]

    write_zip(tmp_path / "a.zip", entries)
    write_zip(tmp_path / "b.zip", reversed(entries))

    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_packages_contain_what_each_part_imports(tmp_path: Path) -> None:
    out = tmp_path / "out"

    build_packages(write_sources(tmp_path / "source"), out)

    assert names_in(out / "functions/start_automl.zip") == ["handler.py"]
    assert names_in(out / "layer.zip") == [
        "python/buyer_stage/__init__.py",
        "python/buyer_stage/domain/__init__.py",
        "python/buyer_stage/domain/stages.py",
        "python/buyer_stage/quality/__init__.py",
        "python/buyer_stage/receipts/document.py",
        "python/buyer_stage/receipts/templates/page.html",
        "python/lambdas/__init__.py",
        "python/lambdas/common/__init__.py",
        "python/lambdas/common/events.py",
        "python/six-1.0.dist-info/METADATA",
        "python/six.py",
    ]
    assert names_in(out / "code/libraries.zip") == [
        "buyer_stage/__init__.py",
        "buyer_stage/domain/__init__.py",
        "buyer_stage/domain/stages.py",
        "buyer_stage/spark/files.py",
        "emr_steps/process_features.py",
        "glue/push_to_dynamodb.py",
    ]
    assert sorted(contents(out / "code")) == [
        "emr_steps/bootstrap.sh",
        "emr_steps/process_features.py",
        "glue/push_to_dynamodb.py",
        "libraries.zip",
        "sql/features.sql",
    ]


def test_deleted_step_disappears_from_the_packages(tmp_path: Path) -> None:
    source, out = write_sources(tmp_path / "source"), tmp_path / "out"
    (source / "emr_steps/old_step.py").touch()
    build_packages(source, out)
    (source / "emr_steps/old_step.py").unlink()

    build_packages(source, out)

    assert not (out / "code/emr_steps/old_step.py").exists()
    assert "emr_steps/old_step.py" not in names_in(out / "code/libraries.zip")


def test_missing_source_is_an_error_that_names_the_pattern(tmp_path: Path) -> None:
    source = write_sources(tmp_path / "source")
    (source / "emr_steps/bootstrap.sh").unlink()

    with pytest.raises(MissingSourceError, match=r"emr_steps/bootstrap\.sh"):
        build_packages(source, tmp_path / "out")


@pytest.mark.parametrize(
    ("name", "belongs"),
    [
        ("boto3/session.py", True),
        ("botocore/data/endpoints.json", True),
        ("botocore/data/s3/2006-03-01/service-2.json.gz", True),
        ("botocore/data/ec2/2016-11-15/service-2.json.gz", False),
        ("boto3/data/ec2/2016-11-15/resources-1.json", False),
        ("pydantic/__pycache__/main.cpython-311.pyc", True),
        ("bin/jp.py", False),
        ("numpy/core/tests/test_array.py", False),
        ("pydantic-2.0.dist-info/RECORD", False),
    ],
)
def test_layer_omits_what_functions_do_not_use_and_what_differs_between_machines(name: str, belongs: bool) -> None:
    assert belongs_in_layer(Path(name)) is belongs


def test_layer_describes_every_service_that_a_function_calls() -> None:
    sources = [path.read_text() for path in (REPOSITORY / "lambdas").rglob("*.py")]
    client = re.compile(r'(?:boto3\.(?:client|resource)|session\.create_client)\("([\w-]+)"')
    called = {service for text in sources for service in client.findall(text)}

    assert called
    assert called <= SDK_SERVICES


def test_layer_requirements_are_hashed_and_do_not_name_an_index() -> None:
    text = (REPOSITORY / LAYER_REQUIREMENTS).read_text()
    pinned = re.findall(r"^\S.*==\S+ \\\n    --hash=sha256:", text, flags=re.MULTILINE)

    assert len(pinned) == len(re.findall(r"^[^\s#-]", text, flags=re.MULTILINE)) > 0
    assert not re.search(r"https?://|--index-url|--find-links|--trusted-host", text)


def test_packages_of_the_same_sources_replace_others(tmp_path: Path) -> None:
    root = write_sources(tmp_path / "root")
    version = build_packages(root, tmp_path / "built")
    write_zip(tmp_path / "out/functions/removed_since.zip", [("handler.py", root / "sql/features.sql")])

    assert take_packages(root, tmp_path / "built", tmp_path / "out") == version
    (tmp_path / "built/.lock").unlink()
    assert contents(tmp_path / "out") == contents(tmp_path / "built")


@pytest.mark.parametrize(
    "name", ["layer.zip", "functions/start_automl.zip", "code/sql/features.sql", "code_version.txt", "s3_layout.json"]
)
def test_incomplete_packages_are_refused(tmp_path: Path, name: str) -> None:
    root = write_sources(tmp_path / "root")
    build_packages(root, tmp_path / "built")
    (tmp_path / "built" / name).unlink()

    with pytest.raises(UnusablePackagesError, match="Run `make package`"):
        take_packages(root, tmp_path / "built", tmp_path / "built")


@pytest.mark.parametrize(
    "changed",
    ["lambdas/start_automl/handler.py", "sql/features.sql", "buyer_stage/domain/stages.py", LAYER_REQUIREMENTS],
)
def test_packages_of_other_sources_are_refused(tmp_path: Path, changed: str) -> None:
    root = write_sources(tmp_path / "root")
    build_packages(root, tmp_path / "built")
    (root / changed).write_text("changed\n")

    with pytest.raises(UnusablePackagesError, match="was built from other sources"):
        take_packages(root, tmp_path / "built", tmp_path / "built")
