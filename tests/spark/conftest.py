"""The Spark session that all Spark tests share."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto import mock_aws
from pyspark.sql import SparkSession

from buyer_stage.spark.session import start_spark
from tests.suppression import KEY
from tools.repository import REPOSITORY

REAL_DATALAKE = REPOSITORY.parent / "shared/tools/real_datalake.py"


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """A small session, started the way the steps start it."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    options = {
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "2",
        # Tests end before the optimizing compiler pays off.
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
    }
    arguments = [argument for option, value in options.items() for argument in ("--conf", f"{option}={value}")]
    os.environ["PYSPARK_SUBMIT_ARGS"] = " ".join(["--master local[2]", *arguments, "pyspark-shell"])
    session = start_spark("tests")
    yield session
    session.stop()


@pytest.fixture
def suppression_secret() -> Iterator[str]:
    """The ARN of a secret that holds the key of the suppression list."""
    with mock_aws():
        client = boto3.client("secretsmanager", region_name="us-west-2")
        yield client.create_secret(Name="suppression-key", SecretString=KEY)["ARN"]


@pytest.fixture(scope="session")
def real_lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The original's data lake and published features, where the tool that provides them is available."""
    if not REAL_DATALAKE.exists():
        pytest.skip("the real sample is not part of the repository")
    lake = tmp_path_factory.mktemp("real")
    subprocess.run([sys.executable, REAL_DATALAKE, lake], check=True)
    return lake
