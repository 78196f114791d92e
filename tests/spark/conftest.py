"""The Spark that all Spark tests share."""

import os
import sys
from collections.abc import Iterator

import pytest
from pyspark.sql import SparkSession

from buyer_stage.spark.session import start_spark


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """One small Spark for all tests, started as the steps start it."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    options = {
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "2",
        # Tests are over before the optimizing compiler has earned back its time.
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
    }
    arguments = [argument for option, value in options.items() for argument in ("--conf", f"{option}={value}")]
    os.environ["PYSPARK_SUBMIT_ARGS"] = " ".join(["--master local[2]", *arguments, "pyspark-shell"])
    session = start_spark("tests")
    yield session
    session.stop()
