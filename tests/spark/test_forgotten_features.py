"""The checksum that forgetting computes is the one that the ETL computes, read from the ETL's part files."""

import random
from pathlib import Path

import pyarrow
import pyarrow.csv
from pyspark.sql import SparkSession
from pyspark.sql.types import DoubleType

from buyer_stage.domain.features import OUTPUT_COLUMNS
from emr_steps.feature_files import FEATURE_SCHEMA, write_csv
from emr_steps.process_features import rows_checksum
from tools.members.features import hash_rows, read_batches

MEMBERS = ("m1", "é", 'with "quotes", and a comma', "longer than the 32 bytes of a stripe: 0123456789", " m1", "")
DOUBLES = (0.0, -0.0, 1e-9, 180.0, 1.5, 1e16, 0.1 + 0.2)
INTEGERS = (0, 1, 2**40, 2**62, 7)


def test_checksum_of_the_part_files_is_that_of_the_spark_frame(spark: SparkSession, tmp_path: Path) -> None:
    choose = random.Random(7).choice
    rows = [
        (member, *[choose(DOUBLES if isinstance(field.dataType, DoubleType) else INTEGERS) for field in FIELDS])
        for member in MEMBERS
    ]
    frame = spark.createDataFrame(rows, FEATURE_SCHEMA)
    write_csv(frame.coalesce(1), str(tmp_path / "features"))
    (file,) = (tmp_path / "features").glob("part-*.csv")
    with file.open("rb") as opened:
        batches = list(read_batches(opened))

    assert pyarrow.Table.from_batches(batches).column_names == list(OUTPUT_COLUMNS)
    ((expected,),) = frame.agg(rows_checksum(frame)).collect()
    assert sum(int(value) for batch in batches for value in hash_rows(batch).view("int64")) == int(expected)


FIELDS = FEATURE_SCHEMA.fields[1:]
