"""The user's CLI configuration is respected; a provider mirror is the last resort, and only when it can be trusted."""

import functools
import hashlib
import http.server
import os
import socket
import threading
from pathlib import Path

import pytest

from tools import terraform_providers
from tools.terraform_binary import TerraformError, current_platform
from tools.terraform_providers import (
    PROVIDER,
    PROVIDER_SHA256,
    choose_mirror,
    cli_environment,
    find_mirrors,
    has_own_configuration,
    objection,
    provider_version,
    registry_is_reachable,
)

CONTENT = b"a provider"


@pytest.fixture(autouse=True)
def clean_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No configuration, no registry, and a pinned provider; the tests' own folder does not count as temporary."""
    for name in ("TF_PLUGIN_MIRROR", "TF_CLI_CONFIG_FILE", "TERRAFORM_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(terraform_providers, "TEMPORARY_FOLDERS", (tmp_path / "tmp",))
    monkeypatch.setattr(terraform_providers, "CONFIGURATION_FILE", tmp_path / "build/cli.tfrc")
    monkeypatch.setattr(terraform_providers, "registry_is_reachable", lambda: False)
    monkeypatch.setitem(PROVIDER_SHA256, (provider_version(), current_platform()), hashlib.sha256(CONTENT).hexdigest())


def make_mirror(mirror: Path, content: bytes = CONTENT) -> Path:
    folder = mirror / PROVIDER / provider_version() / current_platform()
    folder.mkdir(parents=True)
    binary = folder / f"terraform-provider-aws_v{provider_version()}_x5"
    binary.write_bytes(content)
    binary.chmod(0o755)
    return binary


def environment() -> dict[str, str]:
    return cli_environment.__wrapped__()


@pytest.mark.parametrize("variable", ["TF_CLI_CONFIG_FILE", "TERRAFORM_CONFIG"])
def test_configuration_that_a_variable_names_is_respected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    (tmp_path / "my.tfrc").touch()
    monkeypatch.setenv(variable, str(tmp_path / "my.tfrc"))

    assert environment() == {}


@pytest.mark.parametrize("name", [".terraformrc", ".terraform.d/my.tfrc", ".terraform.d/credentials.tfrc.json"])
def test_configuration_in_the_home_folder_is_respected(tmp_path: Path, name: str) -> None:
    file = tmp_path / "home" / name
    file.parent.mkdir(exist_ok=True)
    file.touch()

    assert environment() == {}


def test_variable_that_names_a_missing_file_counts_as_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(tmp_path / "missing.tfrc"))

    assert not has_own_configuration()
    assert environment() == {"TF_CLI_CONFIG_FILE": str(tmp_path / "build/cli.tfrc")}


def test_mirror_is_used_and_announced_when_the_registry_cannot_be_reached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_mirror(tmp_path / "opt/plugins")
    monkeypatch.setattr(terraform_providers, "choose_mirror", functools.partial(choose_mirror, tmp_path))

    written = Path(environment()["TF_CLI_CONFIG_FILE"]).read_text()

    assert f'path = "{tmp_path / "opt/plugins"}"' in written
    assert f"comes from {tmp_path / 'opt/plugins'}" in capsys.readouterr().err


def test_mirror_is_not_used_when_the_registry_can_be_reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_mirror(tmp_path / "opt/plugins")
    monkeypatch.setattr(terraform_providers, "registry_is_reachable", lambda: True)
    monkeypatch.setattr(terraform_providers, "choose_mirror", functools.partial(choose_mirror, tmp_path))

    assert Path(environment()["TF_CLI_CONFIG_FILE"]).read_text() == ""


def test_mirror_with_another_provider_is_refused_and_the_next_one_is_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_mirror(tmp_path / "a", b"something else")
    make_mirror(tmp_path / "b")

    assert choose_mirror(tmp_path) == tmp_path / "b"
    assert f"{tmp_path / 'a'} is not used: the SHA-256" in capsys.readouterr().err


def test_mirror_below_a_temporary_folder_is_refused(tmp_path: Path) -> None:
    make_mirror(tmp_path / "tmp/plugins")

    assert objection(tmp_path / "tmp/plugins") == "it is below a temporary folder"


def test_link_to_a_temporary_folder_is_refused(tmp_path: Path) -> None:
    make_mirror(tmp_path / "tmp/plugins")
    (tmp_path / "plugins").symlink_to(tmp_path / "tmp/plugins")

    assert objection(tmp_path / "plugins") == "it is below a temporary folder"


@pytest.mark.parametrize("part", ["opt", "opt/plugins", f"opt/plugins/{PROVIDER}", "the binary"])
@pytest.mark.parametrize("mode", [0o775, 0o757])
def test_mirror_that_others_can_write_to_is_refused(tmp_path: Path, part: str, mode: int) -> None:
    binary = make_mirror(tmp_path / "opt/plugins")
    path = binary if part == "the binary" else tmp_path / part
    path.chmod(mode)

    assert objection(tmp_path / "opt/plugins") == f"other users can write to {path}"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file to another user")
def test_mirror_of_another_user_is_refused(tmp_path: Path) -> None:
    binary = make_mirror(tmp_path / "opt/plugins")
    os.chown(binary, 12345, 12345)

    assert objection(tmp_path / "opt/plugins") == f"other users can write to {binary}"


def test_link_inside_a_mirror_is_refused(tmp_path: Path) -> None:
    binary = make_mirror(tmp_path / "opt/plugins")
    binary.rename(tmp_path / "elsewhere")
    binary.symlink_to(tmp_path / "elsewhere")

    assert objection(tmp_path / "opt/plugins") == f"other users can write to {binary}"


def test_mirror_without_the_required_version_is_refused(tmp_path: Path) -> None:
    binary = make_mirror(tmp_path / "opt/plugins")
    binary.unlink()

    assert f"does not contain the AWS provider {provider_version()}" in str(objection(tmp_path / "opt/plugins"))


def test_mirror_is_refused_on_a_platform_without_a_pinned_provider(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_mirror(tmp_path / "opt/plugins")
    monkeypatch.delitem(PROVIDER_SHA256, (provider_version(), current_platform()))

    assert "the SHA-256 of" in str(objection(tmp_path / "opt/plugins"))


def test_search_does_not_go_deep(tmp_path: Path) -> None:
    make_mirror(tmp_path / "a/b/c/d")
    make_mirror(tmp_path / "a/b/c")

    assert list(find_mirrors(tmp_path)) == [tmp_path / "a/b/c"]


def test_named_mirror_is_used_instead_of_the_users_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_mirror(tmp_path / "named")
    (tmp_path / "home/.terraformrc").touch()
    monkeypatch.setenv("TF_PLUGIN_MIRROR", str(tmp_path / "named"))

    assert str(tmp_path / "named") in Path(environment()["TF_CLI_CONFIG_FILE"]).read_text()


def test_named_mirror_that_cannot_be_used_is_an_error_that_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TF_PLUGIN_MIRROR", str(tmp_path))

    with pytest.raises(TerraformError, match=rf"^TF_PLUGIN_MIRROR={tmp_path} cannot be used: it does not contain"):
        environment()


def test_registry_that_responds_is_reachable(tmp_path: Path) -> None:
    (tmp_path / ".well-known").mkdir()
    (tmp_path / ".well-known/terraform.json").touch()
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        assert registry_is_reachable(f"http://127.0.0.1:{server.server_port}")
        server.shutdown()


def test_registry_that_refuses_the_connection_is_not_reachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"

    assert not registry_is_reachable(url)
