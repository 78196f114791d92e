"""What a failing step prints, with Spark's own log, names no member."""

import json
import os
import re
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from buyer_stage.domain.s3_layout import ASSIGNED_SPLITS_KEY, feature_manifest_key, features_prefix
from buyer_stage.domain.windows import Window
from emr_steps import build_training_data, process_features, validate_features
from tests.lake import SNAPSHOT, write_lake, write_window
from tools.repository import REPOSITORY

MEMBER = "m4711-marked"
ROWS = [{"member_id": f"{MEMBER}-{number}", "total_searches": number} for number in range(2000)]
DAY = ["--snapshot-date", f"{SNAPSHOT:%Y%m%d}"]
FEATURE_QUERY = ["--feature-query", str(REPOSITORY / "sql/features.sql")]
HEADER = "member_id,start_date,end_date,stage_label_1,stage_label_2,stage_label_3\n"
EARLY = {
    "unreadable file": r"DataLakeError: table \w+_t007, snapshot 20200203: cannot read",
    "damaged manifest": r"InvalidManifestError: the feature manifest is damaged \(TypeError\)",
    "damaged survey": "LabeledSetError: line 2 of the survey needs dates",
}
"""Case that ends a step soon -> the error that it ends with, as a regular expression."""

LATE = {
    "damaged line": "FeatureMismatchError: 1 of 2000 members differ",
    "damaged splits": r"UnexpectedError: JSONDecodeError in emr_steps\.split_files, line ",
}
"""The same for cases that let a step do its work first."""


@pytest.mark.parametrize("fail", ["fail_early", pytest.param("fail_late", marks=pytest.mark.matrix)])
def test_failing_steps_print_what_is_wrong_and_no_member(tmp_path: Path, fail: str) -> None:
    program = f"from tests.spark.test_members_in_texts import Steps; Steps({str(tmp_path)!r}).{fail}()"
    environment = {
        **os.environ,
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_SUBMIT_ARGS": "--master local[2] --conf spark.ui.enabled=false "
        "--conf spark.sql.shuffle.partitions=2 --driver-java-options -XX:TieredStopAtLevel=1 pyspark-shell",
    }
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    for case, error in (EARLY if fail == "fail_early" else LATE).items():
        assert re.search(rf"^== {case}$(?:(?!^== ).*\n)*?.*{error}", done.stdout, re.MULTILINE), (case, done.stdout)
    assert ("ERROR Executor: Exception in task" in done.stdout) == (fail == "fail_early"), (
        "Spark's log is in the output"
    )
    assert MEMBER not in done.stdout


class Steps:
    """The steps on a small data lake. Each failure prints its traceback after the name of its case."""

    def __init__(self, folder: str) -> None:
        self.lake, self.bucket, self.survey = Path(folder, "lake"), Path(folder, "bucket"), Path(folder, "survey.csv")
        write_lake(self.lake, ROWS)

    def fail_early(self) -> None:
        file = write_window(self.lake, Window.T007, ROWS)
        good = file.read_bytes()
        file.write_bytes(good[:4] + bytes(396) + good[400:])
        self.run("unreadable file", process_features.main, *DAY)
        manifest = self.bucket / feature_manifest_key(SNAPSHOT)
        manifest.parent.mkdir(parents=True)
        manifest.write_text(json.dumps({"snapshot_date": "2020-02-03", "part_files": [], MEMBER: "train"}))
        self.run("damaged manifest", validate_features.main, *DAY, *FEATURE_QUERY)
        self.survey.write_text(f"{HEADER}Mr,{MEMBER},2020-02-03,2020-02-03,Dreamer,,\n")
        self.run("damaged survey", build_training_data.main, *FEATURE_QUERY, *self.labels)

    def fail_late(self) -> None:
        self.run("no error", process_features.main, *DAY)
        part = next((self.bucket / features_prefix(SNAPSHOT)).glob("part-*"))
        part.write_text(part.read_text().replace("\n", f",{MEMBER}\n", 1))
        self.run("damaged line", validate_features.main, *DAY, *FEATURE_QUERY)
        self.survey.write_text(f"{HEADER}{MEMBER}-1,2020-02-03,2020-02-03,Dreamer,,\n")
        splits = self.bucket / ASSIGNED_SPLITS_KEY
        splits.parent.mkdir()
        splits.write_text(f'{{"{MEMBER}": "train",')
        self.run("damaged splits", build_training_data.main, *FEATURE_QUERY, *self.labels)

    @property
    def labels(self) -> list[str]:
        return ["--survey", str(self.survey), "--labeled-set-query", str(REPOSITORY / "sql/labeled_set.sql")]

    def run(self, case: str, step: Callable[[list[str]], None], *arguments: str) -> None:
        print(f"== {case}", flush=True)
        try:
            step(["--datalake", str(self.lake), "--pipeline-bucket", str(self.bucket), *arguments])
        except Exception:
            traceback.print_exc()
            sys.stderr.flush()
