"""How a Spark application is submitted on one machine."""

from collections.abc import Sequence
from pathlib import Path

OPTIONS: tuple[str, ...] = (
    *("--master", "local[*]"),
    *("--driver-memory", "2g"),
    *("--conf", "spark.ui.enabled=false"),
    # Two hundred, the default, is for a cluster; on one machine most of them would be empty tasks.
    *("--conf", "spark.sql.shuffle.partitions=4"),
    # An application of half a minute ends before the optimizing compiler pays off: without it, half the CPU time.
    *("--driver-java-options", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"),
)


def local_spark_submit(python: Path, arguments: Sequence[str]) -> list[str]:
    """Give the command that runs an application with the Spark that a Python environment holds.

    Args:
        python: the environment's Python.
        arguments: of spark-submit: further options, the application, the application's arguments.
    """
    return [str(python.with_name("spark-submit")), *OPTIONS, *arguments]
