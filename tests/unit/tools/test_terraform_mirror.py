"""Providers come from a mirror on the machine when there is one, else from the registry."""

from pathlib import Path

import pytest

from tools.terraform_mirror import PROVIDER, MirrorNotFoundError, cli_configuration, find_mirror


@pytest.fixture(autouse=True)
def no_mirror_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TF_PLUGIN_MIRROR", raising=False)


def test_mirror_near_the_root_is_found(tmp_path: Path) -> None:
    (tmp_path / "opt" / "plugins" / PROVIDER).mkdir(parents=True)

    assert find_mirror(tmp_path) == tmp_path / "opt" / "plugins"


def test_mirror_that_anyone_may_have_left_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "tmp" / PROVIDER).mkdir(parents=True)

    assert find_mirror(tmp_path) is None


def test_search_does_not_go_deep(tmp_path: Path) -> None:
    (tmp_path / "a" / "b" / "c" / "d" / PROVIDER).mkdir(parents=True)

    assert find_mirror(tmp_path) is None


def test_named_mirror_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / PROVIDER).mkdir(parents=True)
    monkeypatch.setenv("TF_PLUGIN_MIRROR", str(tmp_path))

    assert find_mirror(Path("/nowhere")) == tmp_path


def test_named_mirror_that_is_none_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_PLUGIN_MIRROR", str(tmp_path))

    with pytest.raises(MirrorNotFoundError, match=str(tmp_path)):
        find_mirror()


def test_configuration_names_the_mirror_or_the_registry() -> None:
    assert 'path = "/mirror"' in cli_configuration(Path("/mirror"))
    assert cli_configuration(None) == "provider_installation {\n  direct {}\n}\n"
