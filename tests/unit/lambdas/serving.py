"""What pushes leave in S3, and the runs of the Glue job, for the tests of the functions that start a push."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from buyer_stage.domain.documents import to_json
from buyer_stage.domain.s3_layout import CURRENT_PUBLICATION_KEY, PENDING_PUSH_KEY, served_state_key
from buyer_stage.domain.serving_documents import PendingPush, Publication, PushKind, ServedState
from tests.unit.lambdas.conftest import BUCKET, s3

JOB = "buyer-stage-push"
PUBLISHED_AT = datetime(2020, 1, 31, 10, 30, tzinfo=UTC)


def state(day: int, sequence: int, *, attempt: int = 1, **more: Any) -> ServedState:
    """Return a state of a day of January 2020."""
    folder = f"served-items/2020/01/{day:02}/{sequence:06}-{attempt}/"
    served = ServedState(
        folder=folder, snapshot_date=date(2020, 1, day), model_version="buy-test-0123456789-1", members=3,
        scored_members=3, stages={"Dreamer": 3}, first_expiry=1_581_033_600, last_expiry=1_581_033_600, previous=None,
    )  # fmt: skip
    return replace(served, **more)


def keep(*states: ServedState) -> None:
    """Write the rows and the descriptions of states."""
    for each in states:
        s3.put_object(Bucket=BUCKET, Key=f"{each.folder}part-00000.parquet", Body=b"rows")
        s3.put_object(Bucket=BUCKET, Key=served_state_key(each.folder), Body=to_json(each).encode())


def publish(live: ServedState, sequence: int, run_name: str = "before", unsent_events: tuple[str, ...] = ()) -> None:
    """Make a state the live one."""
    publication = Publication(sequence, PushKind.SCORES, PUBLISHED_AT, run_name, "daily", live, unsent_events)
    s3.put_object(Bucket=BUCKET, Key=CURRENT_PUBLICATION_KEY, Body=to_json(publication).encode())


def leave_pending(*states: ServedState) -> None:
    """Leave what a push leaves that died while it wrote."""
    pending = PendingPush(tuple(each.folder for each in states))
    s3.put_object(Bucket=BUCKET, Key=PENDING_PUSH_KEY, Body=to_json(pending).encode())


def described(found: Sequence[tuple[str, str]], ended_ago: timedelta = timedelta()) -> dict[str, Any]:
    """Return Glue's response to a request for runs: name and state of each, the one that was started first first."""
    runs = [
        {
            "Id": f"jr_{number}",
            "JobRunState": state,
            "StartedOn": datetime(2020, 2, 1, 10, number, tzinfo=UTC),
            "CompletedOn": datetime.now(UTC) - ended_ago,
            "Arguments": {"--run_name": name},
        }
        for number, (name, state) in enumerate(found)
    ]
    return {"JobRuns": runs[::-1]}


def create_job(glue: Any) -> None:
    """Create the Glue job as Terraform would, but for the concurrency: moto's runs take no time."""
    glue.create_job(
        Name=JOB,
        Role="arn:aws:iam::123456789012:role/glue",
        Command={"Name": "glueetl"},
        ExecutionProperty={"MaxConcurrentRuns": 9},
    )


def started_runs(glue: Any) -> list[dict[str, str]]:
    """Return the arguments of all runs of the job."""
    return [dict(run["Arguments"]) for run in glue.get_job_runs(JobName=JOB)["JobRuns"]]
