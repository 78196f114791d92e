"""What a failing step prints, with Spark's own log, names no member."""

import json
import os
import re
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from buyer_stage.domain.s3_layout import ASSIGNED_SPLITS_KEY, feature_manifest_key, features_prefix
from buyer_stage.domain.windows import Window
from emr_steps import build_training_data, process_features, validate_features
from tests.lake import SNAPSHOT, write_lake, write_window
from tools.repository import REPOSITORY

MEMBER = "m4711-marked"
ROWS = [{"member_id": f"{MEMBER}-{number}", "total_searches": number} for number in range(2000)]
EXPECTED = {
    "unreadable file": r"DataLakeError: table \w+_t007, snapshot 20200203: cannot read",
    "damaged line": "FeatureMismatchError: 1 of 2000 members differ",
    "damaged manifest": r"InvalidManifestError: the feature manifest is damaged \(TypeError\)",
    "damaged survey": "LabeledSetError: line 2 of the survey needs dates",
    "damaged splits": r"UnexpectedError: JSONDecodeError in emr_steps\.split_files, line ",
}
"""Case -> the error that it ends with, as a regular expression."""


def test_failing_steps_print_what_is_wrong_and_no_member(tmp_path: Path) -> None:
    program = f"from tests.spark.test_members_in_texts import fail_in_every_way as fail; fail({str(tmp_path)!r})"
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
    for case, error in EXPECTED.items():
        assert re.search(rf"^== {case}$(?:(?!^== ).*\n)*?.*{error}", done.stdout, re.MULTILINE), (case, done.stdout)
    assert "ERROR Executor: Exception in task" in done.stdout, "Spark's log is part of the output"
    assert MEMBER not in done.stdout


def fail_in_every_way(folder: str) -> None:
    """Run a step for each case, and print its traceback after the name of the case."""
    lake, bucket, survey = Path(folder, "lake"), Path(folder, "bucket"), Path(folder, "survey.csv")
    common = ["--datalake", str(lake), "--pipeline-bucket", str(bucket)]
    snapshot, query = (
        ["--snapshot-date", f"{SNAPSHOT:%Y%m%d}"],
        ["--feature-query", str(REPOSITORY / "sql/features.sql")],
    )
    labels = ["--survey", str(survey), "--labeled-set-query", str(REPOSITORY / "sql/labeled_set.sql")]

    def run(case: str, step: Callable[[list[str]], None], *arguments: str) -> None:
        print(f"== {case}", flush=True)
        try:
            step([*common, *arguments])
        except Exception:
            traceback.print_exc()
            sys.stderr.flush()

    write_lake(lake, ROWS)
    file = write_window(lake, Window.T007, ROWS)
    good = file.read_bytes()
    file.write_bytes(good[:4] + bytes(396) + good[400:])
    run("unreadable file", process_features.main, *snapshot)
    file.write_bytes(good)

    run("no error", process_features.main, *snapshot)
    part = next((bucket / features_prefix(SNAPSHOT)).glob("part-*"))
    part.write_text(part.read_text().replace("\n", f",{MEMBER}\n", 1))
    run("damaged line", validate_features.main, *snapshot, *query)
    (bucket / feature_manifest_key(SNAPSHOT)).write_text(json.dumps(
        {"snapshot_date": "2020-02-03", "part_files": [], MEMBER: "train"}
    ))  # fmt: skip
    run("damaged manifest", validate_features.main, *snapshot, *query)

    header = "member_id,start_date,end_date,stage_label_1,stage_label_2,stage_label_3\n"
    survey.write_text(f"{header}Mr,{MEMBER},2020-02-03,2020-02-03,Dreamer,,\n")
    run("damaged survey", build_training_data.main, *query, *labels)
    survey.write_text(f"{header}{MEMBER}-1,2020-02-03,2020-02-03,Dreamer,,\n")
    (bucket / ASSIGNED_SPLITS_KEY).parent.mkdir()
    (bucket / ASSIGNED_SPLITS_KEY).write_text(f'{{"{MEMBER}": "train",')
    run("damaged splits", build_training_data.main, *query, *labels)
