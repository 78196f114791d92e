"""Start and stop the local cloud, and point AWS clients at it.

python -m localcloud.cloud environment   print the variables that point AWS clients at the running local cloud
python -m localcloud.cloud down          stop the running local cloud
"""

import argparse
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import boto3

from tools.repository import REPOSITORY

SERVER_PYTHON = REPOSITORY / ".venv-localcloud" / "bin" / "python"
STATE_FILE = REPOSITORY / "build" / "localcloud" / "running.json"
REGION: Final = "us-west-2"
CREDENTIALS_AND_REGION = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": REGION,
}
DEFAULT_PORT = 4566
WAIT_SCALE = 0.2
"""Share of the seconds of a `Wait` state or a retry that the local cloud waits."""
START_SECONDS = 60
STOP_SECONDS = 15


class LocalCloudError(Exception):
    """The local cloud cannot start, cannot be reached, or refuses a deployment."""


@dataclass(frozen=True)
class LocalCloud:
    """A running local cloud.

    Attributes:
        pid: id of its process, and of the process group of everything it starts.
        port: its port on 127.0.0.1.
        work_folder: folder of its logs and temporary files.
    """

    pid: int
    port: int
    work_folder: str

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables that point AWS clients, the AWS CLI and Terraform at this local cloud."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_REGION": REGION,
            **CREDENTIALS_AND_REGION,
        }


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
    (work_folder / "logs").mkdir(exist_ok=True)
    environment = {
        **os.environ,
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "MINISTACK_REGION": REGION,
        "AUTH": "true",
        "SFN_WAIT_SCALE": str(WAIT_SCALE),
        **CREDENTIALS_AND_REGION,
        "POWERTOOLS_TRACE_DISABLED": "true",
        "TMPDIR": str(temporary),
        "PYTHONPATH": str(REPOSITORY),
        "LOCALCLOUD_REPOSITORY": str(REPOSITORY),
        "LOCALCLOUD_WORK_FOLDER": str(work_folder),
        "LOCALCLOUD_WORKER_PYTHON": sys.executable,
    }
    environment.pop("AWS_ENDPOINT_URL", None)
    with (work_folder / "logs" / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [SERVER_PYTHON, "-m", "localcloud.server"],
            cwd=work_folder, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    cloud = LocalCloud(process.pid, port, str(work_folder))
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/_ministack/health", timeout=2).close()
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


def _is_group_alive(pid: int) -> bool:
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    return True


def use(cloud: LocalCloud) -> None:
    """Point the AWS clients that this process creates from now on at a local cloud."""
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
    if not STATE_FILE.exists():
        raise LocalCloudError("no local cloud is running; start one with `make demo-up`")
    return LocalCloud(**json.loads(STATE_FILE.read_text()))


def is_running_in(folder: Path) -> bool:
    """Check whether a local cloud that was left running has its work folder in a folder."""
    return STATE_FILE.exists() and Path(connect().work_folder).is_relative_to(folder)


def remember(cloud: LocalCloud) -> None:
    """Save how to reach a local cloud that keeps running."""
    STATE_FILE.parent.mkdir(parents=True, exist_ok=True)
    STATE_FILE.write_text(json.dumps(asdict(cloud)))


def down() -> None:
    """Stop the local cloud that was left running, if any."""
    if not STATE_FILE.exists():
        print("no local cloud is running")
        return
    stop(connect())
    STATE_FILE.unlink()
    print("stopped the local cloud")


def main() -> None:
    """Stop the local cloud that `make demo-up` left running, or print the variables that point clients at it."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("action", choices=["down", "environment"])
    if parser.parse_args().action == "down":
        down()
        return
    try:
        environment = connect().environment
    except LocalCloudError as error:
        sys.exit(str(error))
    print("\n".join(f"export {name}={value}" for name, value in environment.items()))


if __name__ == "__main__":
    main()
