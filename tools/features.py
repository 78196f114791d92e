"""Run the two Spark steps of the ETL on local folders.

python -m tools.features --datalake DIR --snapshot-date YYYYMMDD --out DIR

Writes part files, `profile.json`, `validation.json` and `manifest.json` to the output folder. When a step fails, the
folder contains neither a manifest nor a validation.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

from buyer_stage.domain.s3_layout import MANIFEST_FILE, PART_FILE_PREFIX, PROFILE_FILE, VALIDATION_FILE, features_prefix
from buyer_stage.domain.snapshot_date import format_partition_value, parse_snapshot_date
from tools.local_spark import local_spark_submit
from tools.repository import REPOSITORY

STEPS: tuple[tuple[str, ...], ...] = (
    ("process_features",),
    ("validate_features", "--feature-query", str(REPOSITORY / "sql/features.sql")),
)
"""Each step with the arguments that only this step takes."""


def make_features(datalake: Path, snapshot_date: date, out: Path) -> int:
    """Write the validated features of a snapshot to a folder.

    Args:
        datalake: root of the data lake.
        snapshot_date: the snapshot to process.
        out: output folder; the files of an earlier run are replaced.

    Returns:
        0, or the exit code of the step that failed.
    """
    out.mkdir(mode=0o700, parents=True, exist_ok=True)
    for pattern in (MANIFEST_FILE, PROFILE_FILE, VALIDATION_FILE, f"{PART_FILE_PREFIX}*"):
        for old in out.glob(pattern):
            old.unlink()
    with tempfile.TemporaryDirectory(dir=out) as pipeline_bucket:
        for step, *own_arguments in STEPS:
            exit_code = _submit(step, datalake, Path(pipeline_bucket), snapshot_date, own_arguments)
            if exit_code:
                print(f"{step} failed, so {out} has no manifest", file=sys.stderr)
                return exit_code
        written = sorted(Path(pipeline_bucket, features_prefix(snapshot_date)).iterdir())
        # The manifest comes last: when it exists, so do all the files that it lists.
        for file in sorted(written, key=lambda file: file.name == MANIFEST_FILE):
            file.rename(out / file.name)
    part_files = sum(file.name.startswith(PART_FILE_PREFIX) for file in written)
    print(f"{part_files} part files, {PROFILE_FILE}, {MANIFEST_FILE} and {VALIDATION_FILE} are in {out}")
    return 0


def _submit(step: str, datalake: Path, pipeline_bucket: Path, snapshot_date: date, own_arguments: list[str]) -> int:
    command = [
        str(REPOSITORY / f"emr_steps/{step}.py"),
        *("--datalake", str(datalake.resolve())),
        *("--pipeline-bucket", str(pipeline_bucket.resolve())),
        *("--snapshot-date", format_partition_value(snapshot_date)),
        *own_arguments,
    ]
    python = {"PYSPARK_PYTHON": sys.executable, "PYTHONPATH": str(REPOSITORY)}
    return subprocess.run(
        local_spark_submit(Path(sys.executable), command), env=os.environ | python, check=False
    ).returncode


def main() -> None:
    """Write the features; exit with the code of the step that failed, or 0."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--datalake", required=True, type=Path, help="folder that contains cnsp/")
    parser.add_argument("--snapshot-date", required=True, type=parse_snapshot_date, help="YYYYMMDD")
    parser.add_argument("--out", required=True, type=Path, help="output folder")
    arguments = parser.parse_args()
    sys.exit(make_features(arguments.datalake, arguments.snapshot_date, arguments.out))


if __name__ == "__main__":
    main()
