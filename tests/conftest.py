"""What tests of several kinds share."""

import os
import sys
from collections.abc import Iterator

import pytest
from pyspark.sql import SparkSession

from spark_common.session import start_spark
from tests.local_stack import FirstRuns, Stack, deployed_stack, pointed_at, run_for_the_first_time


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """One small Spark for all tests, started as the steps start it."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    options = {
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "2",
        # Tests are over before the optimising compiler has earned back its time.
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
    }
    arguments = [argument for option, value in options.items() for argument in ("--conf", f"{option}={value}")]
    os.environ["PYSPARK_SUBMIT_ARGS"] = " ".join(["--master local[2]", *arguments, "pyspark-shell"])
    session = start_spark("tests")
    yield session
    session.stop()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what takes away the shared local cloud after everything that uses it."""
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)


@pytest.fixture(scope="session")
def running_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One deployed local cloud for all tests of the whole."""
    with deployed_stack(tmp_path_factory.mktemp("local_cloud")) as stack:
        yield stack


@pytest.fixture(scope="session")
def first_runs(running_stack: Stack) -> FirstRuns:
    """What ran first on it."""
    return run_for_the_first_time(running_stack)


@pytest.fixture(scope="module")
def stack(running_stack: Stack) -> Iterator[Stack]:
    """The deployed local cloud, which the module's AWS clients use."""
    with pointed_at(running_stack.cloud):
        yield running_stack
