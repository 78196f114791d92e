"""The command that submits a Spark application on one machine."""

from collections.abc import Sequence
from pathlib import Path

OPTIONS: tuple[str, ...] = (
    *("--master", "local[*]"),
    *("--driver-memory", "2g"),
    *("--conf", "spark.ui.enabled=false"),
    # The default of 200 partitions suits a cluster; on one machine most tasks would be empty.
    *("--conf", "spark.sql.shuffle.partitions=4"),
    # These applications run for half a minute, too short for the optimizing compiler to pay off.
    *("--driver-java-options", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"),
)


def local_spark_submit(python: Path, arguments: Sequence[str]) -> list[str]:
    """Return the command that runs an application with the Spark of a Python environment.

    Args:
        python: Python of the environment.
        arguments: further options of spark-submit, the application, and its arguments.
    """
    return [str(python.with_name("spark-submit")), *OPTIONS, *arguments]
