"""Start and stop the local cloud, and point AWS clients at it.

python -m localcloud.cloud environment   print the variables that point AWS clients at the running local cloud
python -m localcloud.cloud down          stop the running local cloud
"""

import argparse
import contextlib
import json
import os
import secrets
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

import boto3

from tools.environment import LOCAL_KEY_PREFIX, WITHOUT_PROFILE, WITHOUT_PROXY, inherited, is_foreign
from tools.repository import REPOSITORY

SERVER_PYTHON = REPOSITORY / ".venv-localcloud" / "bin" / "python"
STATE_FILE = REPOSITORY / "build" / "localcloud" / "running.json"
REGION: Final = "us-west-2"
SECOND_ACCOUNT: Final = "111111111111"
"""A second account, whose owner can do everything in it: for what one account does in another."""
THIRD_ACCOUNT: Final = "222222222222"
"""A third one, for what others do in neither."""
DEFAULT_PORT = 4566
WAIT_SCALE = 0.2
"""Share of the seconds of a `Wait` state or a retry that the local cloud waits."""
OWNER_ONLY = 0o700
START_SECONDS = 60
STOP_SECONDS = 15


class LocalCloudError(Exception):
    """The local cloud cannot start, cannot be reached, or refuses a deployment."""


@dataclass(frozen=True)
class Key:
    """The access key of the owner of an account.

    Attributes:
        key_id: its id, which every request names.
        secret: what signs requests. It is random, so that only who can read the state file is the owner.
    """

    key_id: str
    secret: str = field(repr=False)

    @classmethod
    def new(cls) -> "Key":
        """Return a random key."""
        return cls(f"{LOCAL_KEY_PREFIX}{secrets.token_hex(5).upper()}", secrets.token_hex(20))


@dataclass(frozen=True)
class LocalCloud:
    """A running local cloud.

    Attributes:
        pid: id of its process, and of the process group of everything it starts.
        started: when that process started, as `start_time` returns it.
        port: its port on 127.0.0.1.
        work_folder: folder of its logs and temporary files.
        key: key of the account that everything is deployed to.
        second_key: key of the second account.
        third_key: key of the third account.
    """

    pid: int
    started: str
    port: int
    work_folder: str
    key: Key
    second_key: Key
    third_key: Key

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables that point AWS clients, the AWS CLI and Terraform at this local cloud only."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": self.key.key_id,
            "AWS_SECRET_ACCESS_KEY": self.key.secret,
            **WITHOUT_PROFILE,
            **WITHOUT_PROXY,
        }

    @property
    def second_account(self) -> dict[str, str]:
        """The variables that differ for the owner of the second account."""
        return {"AWS_ACCESS_KEY_ID": self.second_key.key_id, "AWS_SECRET_ACCESS_KEY": self.second_key.secret}

    @property
    def third_account(self) -> dict[str, str]:
        """The variables that differ for the owner of the third account."""
        return {"AWS_ACCESS_KEY_ID": self.third_key.key_id, "AWS_SECRET_ACCESS_KEY": self.third_key.secret}


def free_port(preferred: int = 0) -> int:
    """Return the preferred port if it is free, or else any free port."""
    with socket.socket() as listener:
        try:
            listener.bind(("127.0.0.1", preferred))
        except OSError:
            return free_port()
        return int(listener.getsockname()[1])


def start(work_folder: Path, port: int) -> LocalCloud:
    """Start a local cloud and wait until it responds.

    Args:
        work_folder: folder of its logs and temporary files.
        port: its port on 127.0.0.1.

    Raises:
        LocalCloudError: Its Python environment is missing, or it does not respond in time.
    """
    if not SERVER_PYTHON.exists():
        raise LocalCloudError(f"{SERVER_PYTHON.relative_to(REPOSITORY)} is missing; run `make setup`")
    temporary = work_folder / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    work_folder.chmod(OWNER_ONLY)  # Logs and temporary files hold data.
    (work_folder / "logs").mkdir(exist_ok=True)
    key, second_key, third_key = Key.new(), Key.new(), Key.new()
    environment = {
        **inherited(os.environ),
        **WITHOUT_PROFILE,
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "MINISTACK_REGION": REGION,
        "AUTH": "true",
        "SFN_WAIT_SCALE": str(WAIT_SCALE),
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": key.key_id,
        "AWS_SECRET_ACCESS_KEY": key.secret,
        "LOCALCLOUD_SECOND_ACCESS_KEY_ID": second_key.key_id,
        "LOCALCLOUD_SECOND_SECRET_ACCESS_KEY": second_key.secret,
        "LOCALCLOUD_THIRD_ACCESS_KEY_ID": third_key.key_id,
        "LOCALCLOUD_THIRD_SECRET_ACCESS_KEY": third_key.secret,
        "POWERTOOLS_TRACE_DISABLED": "true",
        "TMPDIR": str(temporary),
        "PYTHONPATH": str(REPOSITORY),
        "LOCALCLOUD_REPOSITORY": str(REPOSITORY),
        "LOCALCLOUD_WORK_FOLDER": str(work_folder),
        "LOCALCLOUD_WORKER_PYTHON": sys.executable,
    }
    with (work_folder / "logs" / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [SERVER_PYTHON, "-m", "localcloud.server"],
            cwd=work_folder, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    cloud = LocalCloud(process.pid, start_time(process.pid) or "", port, str(work_folder), key, second_key, third_key)
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            direct.open(f"http://127.0.0.1:{port}/_ministack/health", timeout=2).close()
            return cloud
        time.sleep(0.1)
    stop(cloud)
    raise LocalCloudError(
        f"the local cloud did not start within {START_SECONDS} s; see {work_folder / 'logs' / 'server.log'}"
    )


def stop(cloud: LocalCloud) -> None:
    """Stop a local cloud and every process it started."""
    for stop_signal in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(cloud.pid, stop_signal)
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(cloud.pid, os.WNOHANG)
            if not _is_group_alive(cloud.pid):
                return
            time.sleep(0.1)


def start_time(pid: int) -> str | None:
    """Return when a process started, in a form that only serves to compare, or None when there is no such process."""
    processes = Path("/proc")
    if (processes / "self" / "stat").exists():  # Linux, which can lack `ps`
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            # The name in parentheses can hold spaces. The start is field 22: see proc_pid_stat(5).
            return (processes / str(pid) / "stat").read_text().rpartition(")")[2].split()[19]
        return None
    listed = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return listed.stdout.strip() or None


def _is_group_alive(pid: int) -> bool:
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    return True


def use(cloud: LocalCloud) -> None:
    """Point the AWS clients that this process creates from now on at a local cloud, and at nothing else."""
    for name in list(os.environ):
        if is_foreign(name):
            del os.environ[name]
    os.environ.update(cloud.environment)
    boto3.DEFAULT_SESSION = None  # It can hold other credentials.


@contextlib.contextmanager
def running(work_folder: Path) -> Iterator[LocalCloud]:
    """Run a local cloud on a free port while the block lasts, and point AWS clients of the block at it."""
    cloud = start(work_folder, free_port())
    before = dict(os.environ)
    use(cloud)
    try:
        yield cloud
    finally:
        os.environ.clear()
        os.environ.update(before)
        boto3.DEFAULT_SESSION = None
        stop(cloud)


def connect() -> LocalCloud:
    """Return the local cloud that `make demo-up` left running.

    Raises:
        LocalCloudError: No local cloud is running.
    """
    cloud = _remembered()
    if cloud is None:
        raise LocalCloudError("no local cloud is running; start one with `make demo-up`")
    if problem := _replaced(cloud):
        raise LocalCloudError(f"{problem}; start another one with `make demo-up`")
    return cloud


def is_running_in(folder: Path) -> bool:
    """Check whether a local cloud that was left running has its work folder in a folder."""
    cloud = _remembered()
    return cloud is not None and not _replaced(cloud) and Path(cloud.work_folder).is_relative_to(folder)


def remember(cloud: LocalCloud) -> None:
    """Save how to reach a local cloud that keeps running, for its owner only."""
    STATE_FILE.parent.mkdir(parents=True, exist_ok=True)
    STATE_FILE.parent.chmod(OWNER_ONLY)
    STATE_FILE.unlink(missing_ok=True)
    with os.fdopen(os.open(STATE_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(asdict(cloud), file)


def _remembered() -> LocalCloud | None:
    """Return the local cloud of the state file, which can have ended."""
    if not STATE_FILE.exists():
        return None
    state = json.loads(STATE_FILE.read_text())
    return LocalCloud(**state | {name: Key(**state[name]) for name in ("key", "second_key", "third_key")})


def _replaced(cloud: LocalCloud) -> str | None:
    """Return what became of the process of a local cloud, or None when it is still that process."""
    found = start_time(cloud.pid)
    if found is None:
        return f"the local cloud (process {cloud.pid}) has ended"
    return None if found == cloud.started else f"the local cloud has ended, and process {cloud.pid} is another program"


def down() -> None:
    """Stop the local cloud that was left running, if any, and no other process."""
    cloud = _remembered()
    if cloud is None:
        print("no local cloud is running")
        return
    if problem := _replaced(cloud):
        print(f"{problem}: nothing to stop")
    else:
        stop(cloud)
        print("stopped the local cloud")
    STATE_FILE.unlink()


def shell_commands(cloud: LocalCloud) -> str:
    """Return shell commands that point a shell at a local cloud, and drop what could lead it elsewhere."""
    dropped = sorted(name for name in os.environ if name.startswith("AWS_") and name not in cloud.environment)
    second = {f"LOCALCLOUD_SECOND_{name.removeprefix('AWS_')}": value for name, value in cloud.second_account.items()}
    exported = {**cloud.environment, **second}
    return "\n".join(
        [
            *(f"unset {name}" for name in dropped),
            *(f"export {name}={shlex.quote(value)}" for name, value in exported.items()),
        ]
    )


def main() -> None:
    """Stop the local cloud that `make demo-up` left running, or print the variables that point clients at it."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("action", choices=["down", "environment"])
    if parser.parse_args().action == "down":
        down()
        return
    try:
        print(shell_commands(connect()))
    except LocalCloudError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
