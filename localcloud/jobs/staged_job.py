"""Run the command of a job on this machine, with the `s3://` locations in its arguments staged as local files.

Spark's S3 connector is a set of Java archives that a laptop does not have. The objects that a job would read are
therefore downloaded first, and the files that it changes are uploaded afterwards. All jobs of the local cloud (EMR
steps, Glue runs, Autopilot and transform jobs) run through `run_staged`.
"""

import os
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from boto3.exceptions import S3UploadFailedError
from botocore.config import Config
from botocore.exceptions import ClientError

from localcloud.jobs.error_lines import last_error
from localcloud.policies.authorization import credentials, is_allowed

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CHECKSUM_FILE = re.compile(r"\..+\.crc")

S3_URI = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]+)(?:/(?P<key>[^,]*))?")


@dataclass(frozen=True)
class FinishedJob:
    """The outcome of a job.

    Attributes:
        succeeded: whether its process exited with 0.
        error: the last error in its log; empty after a success.
    """

    succeeded: bool
    error: str = ""


class JobProcesses:
    """The processes of running jobs by job id, which stop one job or all of them."""

    def __init__(self) -> None:
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._lock = threading.Lock()

    def run(self, job_id: str, command: Sequence[str], log: Path, environment: dict[str, str]) -> int:
        """Run a command in a separate process group, wait until it ends, and return its exit code."""
        with log.open("wb") as output:
            process = subprocess.Popen(
                command, stdout=output, stderr=subprocess.STDOUT, env=environment, start_new_session=True
            )
            with self._lock:
                self._processes[job_id] = process
            try:
                return process.wait()
            finally:
                with self._lock:
                    del self._processes[job_id]

    def stop(self, job_id: str) -> None:
        """Stop a job if it is running; the thread that waits for it receives a failed process."""
        with self._lock:
            process = self._processes.get(job_id)
        if process is not None:
            os.killpg(process.pid, signal.SIGTERM)

    def stop_all(self) -> None:
        """Stop every running job."""
        for job_id in list(self._processes):
            self.stop(job_id)


PROCESSES = JobProcesses()


def work_folder() -> Path:
    """Return the folder of the jobs' logs and staged files."""
    return Path(os.environ["LOCALCLOUD_WORK_FOLDER"])


def worker_python() -> Path:
    """Return the Python that has Spark, LightGBM and scikit-learn, which jobs need."""
    return Path(os.environ["LOCALCLOUD_WORKER_PYTHON"])


def endpoint() -> str:
    """Return the URL of this local cloud."""
    return f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}"


def s3_client(role: str | None = None, user_agent: str | None = None) -> "S3Client":
    """Return an S3 client of this local cloud that acts as a role, or as the owner of the account.

    Args:
        role: name or ARN; None means the owner of the account.
        user_agent: how the client names itself, next to the SDK.
    """
    session = {name.lower(): value for name, value in credentials(role).items()} if role else {}
    config = Config(user_agent_extra=user_agent)
    return boto3.client("s3", endpoint_url=endpoint(), config=config, **session)  # type: ignore[call-overload, no-any-return]


def run_staged(job_id: str, command: Sequence[str], role: str, user_agent: str | None = None) -> FinishedJob:
    """Run a command whose arguments can name S3 locations, and upload what it changes there.

    Args:
        job_id: id of the job; its log is `logs/{job_id}.log` in the work folder.
        command: program and arguments. An argument can contain one `s3://` location or several with commas between
            them. If the location is a whole bucket, only the objects that the role can read are staged.
        role: the role that the job acts as, in S3 and elsewhere: name or ARN.
        user_agent: how the job's S3 client names itself.

    Returns:
        The outcome. Changes are uploaded after a failure too, as they would be on a cluster.
    """
    root = work_folder() / "staged" / job_id
    log = work_folder() / "logs" / f"{job_id}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    s3 = s3_client(role, user_agent)
    staged: dict[str, dict[str, tuple[int, int]]] = {}

    def stage(match: re.Match[str]) -> str:
        bucket, key = match["bucket"], match["key"] or ""
        before = staged.setdefault(bucket, {})
        for found in [key] if _is_object(bucket, key) else _list_keys(s3, bucket, key):
            is_readable = bool(key) or is_allowed(role, "s3:GetObject", f"arn:aws:s3:::{bucket}/{found}")
            if found not in before and is_readable:
                file = root / bucket / found
                file.parent.mkdir(parents=True, exist_ok=True)
                s3.download_file(bucket, found, str(file))
                before[found] = _fingerprint(file)
        if key.endswith("/") or not key:
            (root / bucket / key).mkdir(parents=True, exist_ok=True)
        return f"{root}/{bucket}/{key}".rstrip("/") + ("/" if key.endswith("/") else "")

    try:
        local_command = [S3_URI.sub(stage, argument) for argument in command]
        exit_code = PROCESSES.run(job_id, local_command, log, {**_job_environment(), **credentials(role)})
        _name_s3_in_log(log, root)
        for bucket, before in staged.items():
            _upload_changes(s3, bucket, root / bucket, before)
    except (ClientError, S3UploadFailedError) as error:
        return FinishedJob(succeeded=False, error=f"{role}: {error}")
    finally:
        shutil.rmtree(root, ignore_errors=True)
    return FinishedJob(exit_code == 0, "" if exit_code == 0 else last_error(log.read_text(), exit_code))


def run_in_background(job: Callable[[], None], name: str) -> None:
    """Run a job in a thread, so that the request that starts it returns at once."""
    threading.Thread(target=job, name=name, daemon=True).start()


def _job_environment() -> dict[str, str]:
    # Spark's executors on AWS do not know their region.
    inherited = {name: value for name, value in os.environ.items() if name not in ("AWS_REGION", "AWS_DEFAULT_REGION")}
    return {
        **inherited,
        "AWS_ENDPOINT_URL": endpoint(),
        "PYSPARK_PYTHON": str(worker_python()),
        "PYSPARK_DRIVER_PYTHON": str(worker_python()),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PATH": f"{worker_python().parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.environ["LOCALCLOUD_REPOSITORY"],
    }


def _is_object(bucket: str, key: str) -> bool:
    """Check whether a location is one object, which a job reads without listing it first."""
    listed = s3_client().list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("Contents", [])
    return bool(key) and [found["Key"] for found in listed] == [key]


def _list_keys(s3: "S3Client", bucket: str, prefix: str) -> Iterator[str]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for found in page.get("Contents", []):
            yield found["Key"]


def _fingerprint(file: Path) -> tuple[int, int]:
    status = file.stat()
    return status.st_size, status.st_mtime_ns


def _upload_changes(s3: "S3Client", bucket: str, folder: Path, before: dict[str, tuple[int, int]]) -> None:
    after = {
        str(file.relative_to(folder)): file
        for file in sorted(folder.rglob("*"))
        # On local files, Hadoop writes checksums next to them. On S3 it does not, and whoever changes an object there
        # could not know of them.
        if file.is_file() and not CHECKSUM_FILE.fullmatch(file.name)
    }
    for key in sorted(before.keys() - after.keys()):
        s3.delete_object(Bucket=bucket, Key=key)
    for key, file in after.items():
        if before.get(key) != _fingerprint(file):
            s3.upload_file(str(file), bucket, key)


def _name_s3_in_log(log: Path, root: Path) -> None:
    text = log.read_text(errors="replace")
    log.write_text(text.replace(f"file:{root}/", "s3://").replace(f"{root}/", "s3://"))
