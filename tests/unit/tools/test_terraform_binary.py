"""Terraform on PATH is used when its version fits. Otherwise the pinned release is downloaded and verified."""

import functools
import hashlib
import http.server
import io
import re
import socket
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tools import terraform_binary
from tools.repository import REPOSITORY
from tools.terraform_binary import PINNED_SHA256, PINNED_VERSION, TerraformError, fits, locate, minimum_version

PLATFORM = "linux_amd64"


def program(version: str) -> str:
    """Return a script that reports a version as Terraform does."""
    return f"""#!/bin/sh\necho '{{"terraform_version": "{version}"}}'\n"""


def put_on_path(folder: Path, script: str, patch: pytest.MonkeyPatch) -> Path:
    binary = folder / "bin" / "terraform"
    binary.parent.mkdir()
    binary.write_text(script)
    binary.chmod(0o755)
    patch.setenv("PATH", f"{binary.parent}:/usr/bin:/bin")
    return binary


@pytest.fixture
def nothing_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.fixture
def release(monkeypatch: pytest.MonkeyPatch) -> bytes:
    """A release whose binary reports the pinned version, and whose SHA-256 is pinned."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("LICENSE.txt", "")
        archive.writestr("terraform", program(PINNED_VERSION))
    monkeypatch.setattr(terraform_binary, "current_platform", lambda: PLATFORM)
    monkeypatch.setitem(PINNED_SHA256, PLATFORM, hashlib.sha256(packed.getvalue()).hexdigest())
    return packed.getvalue()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A local file server, and the zip file of the release that it serves."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

    root = tmp_path / "site"
    file = root / PINNED_VERSION / f"terraform_{PINNED_VERSION}_{PLATFORM}.zip"
    file.parent.mkdir(parents=True)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(root))) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", file
        server.shutdown()


@pytest.mark.parametrize("version", [minimum_version(), f"{minimum_version()}.0", "1.99.0", "2.0.0-beta1"])
def test_version_on_path_that_fits_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    binary = put_on_path(tmp_path, program(version), monkeypatch)

    assert locate(tmp_path / "downloads", "http://not.asked") == binary


@pytest.mark.parametrize("script", [program("1.9.8"), program("0.15.0"), "#!/bin/sh\nexit 1\n"])
def test_release_is_downloaded_when_the_one_on_path_is_too_old_or_does_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, release: bytes, site: tuple[str, Path], script: str
) -> None:
    put_on_path(tmp_path, script, monkeypatch)
    url, file = site
    file.write_bytes(release)

    binary = locate(tmp_path / "downloads", url)

    assert binary.is_relative_to(tmp_path / "downloads")
    assert terraform_binary.version_of(binary) == PINNED_VERSION
    assert sorted(path.name for path in binary.parent.iterdir()) == ["terraform"]


def test_release_is_downloaded_once(
    tmp_path: Path, nothing_on_path: None, release: bytes, site: tuple[str, Path]
) -> None:
    url, file = site
    file.write_bytes(release)
    first = locate(tmp_path / "downloads", url)
    file.unlink()

    assert locate(tmp_path / "downloads", url) == first


def test_release_with_another_sha256_is_refused_and_leaves_nothing(
    tmp_path: Path, nothing_on_path: None, release: bytes, site: tuple[str, Path]
) -> None:
    url, file = site
    file.write_bytes(release + b"tampered with")

    with pytest.raises(TerraformError, match=r"is not the pinned release: its SHA-256 is \w{64}, expected \w{64}"):
        locate(tmp_path / "downloads", url)

    assert not (tmp_path / "downloads").exists()


def test_missing_network_is_an_error_that_says_what_to_do(
    tmp_path: Path, nothing_on_path: None, release: bytes
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"

    expected = (
        rf"^Terraform is not on PATH, and {url}.*\.zip cannot be downloaded \(.*\)\. Check the network .* or install"
    )
    with pytest.raises(TerraformError, match=expected):
        locate(tmp_path / "downloads", url)


def test_release_that_the_site_does_not_have_is_an_error(
    tmp_path: Path, nothing_on_path: None, release: bytes, site: tuple[str, Path]
) -> None:
    with pytest.raises(TerraformError, match="HTTP Error 404"):
        locate(tmp_path / "downloads", site[0])


def test_platform_without_a_pinned_release_is_an_error(
    tmp_path: Path, nothing_on_path: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terraform_binary, "current_platform", lambda: "plan9_386")

    with pytest.raises(
        TerraformError, match=rf"pinned for plan9_386\. To continue, install Terraform {minimum_version()} or newer"
    ):
        locate(tmp_path / "downloads", "http://not.asked")


@pytest.mark.parametrize(
    ("version", "minimum", "expected"),
    [("1.10.0", "1.10", True), ("1.9.9", "1.10", False), ("1.11.4", "1.11.4", True), ("1.11.3", "1.11.4", False)],
)
def test_versions_are_compared_by_number(version: str, minimum: str, expected: bool) -> None:
    assert fits(version, minimum) is expected


@pytest.mark.parametrize(
    ("system", "machine", "expected"),
    [("Linux", "x86_64", "linux_amd64"), ("Linux", "aarch64", "linux_arm64"), ("Darwin", "arm64", "darwin_arm64")],
)
def test_platform_is_spelled_as_hashicorp_spells_it(
    monkeypatch: pytest.MonkeyPatch, system: str, machine: str, expected: str
) -> None:
    monkeypatch.setattr(terraform_binary.platform, "system", lambda: system)
    monkeypatch.setattr(terraform_binary.platform, "machine", lambda: machine)

    assert terraform_binary.current_platform() == expected
    assert expected in PINNED_SHA256


def test_workflows_install_the_pinned_release_and_it_fits() -> None:
    steps = yaml.safe_load((REPOSITORY / ".github/actions/toolchain/action.yml").read_text())["runs"]["steps"]

    assert [step["with"]["terraform_version"] for step in steps if "terraform_version" in step["with"]] == [
        PINNED_VERSION
    ]
    assert fits(PINNED_VERSION, minimum_version())


def test_every_configuration_states_the_same_minimum_version() -> None:
    files = sorted((REPOSITORY / "terraform").rglob("versions.tf"))
    stated = {file: re.findall(r"required_version = (.*)", file.read_text()) for file in files}

    assert [str(file) for file, versions in stated.items() if versions != [f'">= {minimum_version()}"']] == []


@pytest.mark.parametrize("document", ["README.md", "docs/deployment.md"])
def test_documents_state_the_same_minimum_version(document: str) -> None:
    stated = re.findall(r"Terraform (\d+\.\d+)", (REPOSITORY / document).read_text())

    assert set(stated) <= {minimum_version(), PINNED_VERSION}
