"""The command that submits a Spark application on one machine.

python -m tools.local_spark       writes the archive of Spark's classes, with which applications start faster
"""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tools.repository import REPOSITORY

OPTIONS: tuple[str, ...] = (
    *("--master", "local[*]"),
    *("--driver-memory", "2g"),
    *("--conf", "spark.ui.enabled=false"),
    # The default of 200 partitions suits a cluster; on one machine most tasks would be empty.
    *("--conf", "spark.sql.shuffle.partitions=4"),
)
# These applications run for half a minute, too short for the optimizing compiler to pay off.
JAVA_OPTIONS = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
COMPILED_JAVA_OPTIONS = (
    "-XX:TieredStopAtLevel=4 -XX:-DontCompileHugeMethods -XX:PerMethodTrapLimit=0 -XX:Tier4InvocationThreshold=50000 "
    "-XX:Tier4MinInvocationThreshold=6000 -XX:Tier4CompileThreshold=150000 -XX:Tier4BackEdgeThreshold=400000 "
    "-XX:NewRatio=1"
)
"""Options of Java for minutes of work: optimize what runs often, not what starts Spark, and collect garbage less often.
The cluster's are in terraform/modules/etl_pipeline/main.tf; benchmarks/README.md has the measurements."""
MANY_PARTITIONS = ("--conf", "spark.sql.shuffle.partitions=16")
"""For millions of rows: each partition fits into memory while it is sorted."""

CLASS_ARCHIVE = REPOSITORY / "build" / "spark-classes.jsa"
"""Classes of Spark as Java keeps them in memory; Java ignores an archive of another Java or Spark. It saves a third of
the 10 seconds of a small step: https://docs.oracle.com/en/java/javase/17/vm/class-data-sharing.html"""


def local_spark_submit(python: Path, arguments: Sequence[str], java_options: str = "") -> list[str]:
    """Return the command that runs an application with the Spark of a Python environment.

    Args:
        python: Python of the environment.
        arguments: further options of spark-submit, the application, and its arguments.
        java_options: further options of Java, instead of the archive of Spark's classes.
    """
    if not java_options and CLASS_ARCHIVE.is_file():
        java_options = f"-XX:SharedArchiveFile={CLASS_ARCHIVE}"
    options = f"{JAVA_OPTIONS} {java_options}".strip()
    return [str(python.with_name("spark-submit")), *OPTIONS, "--driver-java-options", options, *arguments]


def main() -> None:
    """Run a step on the small example, and let Java keep the classes that it has loaded; exit with 1 if that fails."""
    with tempfile.TemporaryDirectory() as bucket:
        step = [str(REPOSITORY / "emr_steps/process_features.py"), "--datalake", str(REPOSITORY / "sample_data/small")]
        arguments = [*step, "--pipeline-bucket", bucket, "--snapshot-date", "20200301"]
        command = local_spark_submit(
            Path(sys.executable), arguments, java_options=f"-XX:ArchiveClassesAtExit={CLASS_ARCHIVE}"
        )
        CLASS_ARCHIVE.parent.mkdir(exist_ok=True)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"Spark cannot run on this machine:\n{done.stderr}")


if __name__ == "__main__":
    main()
