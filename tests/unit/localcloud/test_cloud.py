"""Tests of the state file of the local cloud, of what stops, and of the commands for a shell."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from localcloud import cloud as local_cloud
from localcloud.cloud import Key, LocalCloud, LocalCloudError
from localcloud.demo.__main__ import prepare_output_folder
from tests.foreign_shell import REAL_KEY, foreign_variables
from tools.repository import REPOSITORY


@pytest.fixture
def process() -> Iterator["subprocess.Popen[bytes]"]:
    """A process that leads a group, as a local cloud does."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True) as started:
        yield started
        started.kill()


@pytest.fixture
def cloud(process: "subprocess.Popen[bytes]", tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalCloud:
    monkeypatch.setattr(local_cloud, "STATE_FILE", tmp_path / "state" / "running.json")
    started = local_cloud.start_time(process.pid)
    assert started
    return LocalCloud(process.pid, started, 4566, str(tmp_path / "out" / "localcloud"), *(Key.new() for _ in range(3)))


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_keys_are_random() -> None:
    assert len({key for _ in range(20) for key in (Key.new(), Key.new())}) == 40


def test_state_file_is_readable_by_its_owner_only(cloud: LocalCloud) -> None:
    local_cloud.STATE_FILE.parent.mkdir(mode=0o755)
    local_cloud.STATE_FILE.touch(mode=0o644)
    local_cloud.remember(cloud)
    assert (mode(local_cloud.STATE_FILE), mode(local_cloud.STATE_FILE.parent)) == (0o600, 0o700)
    assert local_cloud.connect() == cloud


def test_output_of_the_demo_is_readable_by_its_owner_only(cloud: LocalCloud, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir(mode=0o755)
    prepare_output_folder(out)
    assert mode(out) == 0o700
    local_cloud.remember(cloud)
    assert local_cloud.is_running_in(out)


def test_a_secret_is_not_shown(cloud: LocalCloud) -> None:
    assert cloud.key.secret not in repr(cloud)


def test_down_stops_the_process_that_was_started(cloud: LocalCloud, process: "subprocess.Popen[bytes]") -> None:
    local_cloud.remember(cloud)
    local_cloud.down()
    assert local_cloud.start_time(process.pid) is None
    assert not local_cloud.STATE_FILE.exists()


def test_down_leaves_another_process_with_the_same_id(
    cloud: LocalCloud, process: "subprocess.Popen[bytes]", capsys: pytest.CaptureFixture[str]
) -> None:
    local_cloud.remember(replace(cloud, started="another time"))
    with pytest.raises(LocalCloudError, match=f"process {process.pid} is another program"):
        local_cloud.connect()
    local_cloud.down()
    assert f"process {process.pid} is another program: nothing to stop" in capsys.readouterr().out
    assert process.poll() is None
    assert not local_cloud.STATE_FILE.exists()


def test_a_local_cloud_that_has_ended_is_not_running(
    cloud: LocalCloud, process: "subprocess.Popen[bytes]", capsys: pytest.CaptureFixture[str]
) -> None:
    local_cloud.remember(cloud)
    process.kill()
    process.wait()
    with pytest.raises(LocalCloudError, match="has ended"):
        local_cloud.connect()
    assert not local_cloud.is_running_in(Path(cloud.work_folder))
    local_cloud.down()
    assert "has ended: nothing to stop" in capsys.readouterr().out


def evaluate(commands: str, variables: dict[str, str]) -> dict[str, str]:
    """Return the variables of a shell after it evaluated commands."""
    done = subprocess.run(
        ["bash", "-c", 'eval "$1"; env -0', "bash", commands],
        env={"PATH": os.environ["PATH"], **variables}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return dict(line.split("=", 1) for line in done.stdout.split("\0") if line)


def test_shell_has_only_the_local_clouds_variables(
    cloud: LocalCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = foreign_variables(tmp_path, "http://elsewhere.example")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    evaluated = evaluate(local_cloud.shell_commands(cloud), variables)
    assert {name: value for name, value in evaluated.items() if name.startswith("AWS_")} == {
        name: value for name, value in cloud.environment.items() if name.startswith("AWS_")
    }
    assert evaluated["LOCALCLOUD_SECOND_ACCESS_KEY_ID"] == cloud.second_key.key_id


@pytest.mark.parametrize("python", ["false", "no-such-python"])
def test_demo_env_that_fails_leaves_a_shell_that_cannot_call_aws(tmp_path: Path, python: str) -> None:
    variables = foreign_variables(tmp_path, "https://sts.amazonaws.com")
    printed = subprocess.run(
        ["make", "-s", "demo-env", f"PYTHON={python}"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert printed.returncode != 0
    evaluated = evaluate(printed.stdout, variables)
    usable = {name: value for name, value in evaluated.items() if name.startswith("AWS_")}
    assert usable == {
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": "NO-LOCAL-CLOUD",
        "AWS_SECRET_ACCESS_KEY": "NO-LOCAL-CLOUD",
    }
    assert REAL_KEY not in usable.values()
