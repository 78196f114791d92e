"""Measures how long the ETL checks a snapshot of 2,000 files on a file system that takes 50 ms to open each of them.

python -m benchmarks.footers
"""

import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.etl import SNAPSHOT
from buyer_stage.domain.datalake import partition_prefix
from buyer_stage.domain.windows import Window
from buyer_stage.spark.session import start_spark
from emr_steps import datalake_reader
from tools.repository import REPOSITORY

FILES = 2000
SLOW_FILE_SYSTEM = """
public class SlowFileSystem extends org.apache.hadoop.fs.RawLocalFileSystem {
    public java.net.URI getUri() { return java.net.URI.create("slow:///"); }
    public org.apache.hadoop.fs.FSDataInputStream open(org.apache.hadoop.fs.Path file, int bufferSize)
            throws java.io.IOException {
        try { Thread.sleep(50); } catch (InterruptedException e) { throw new java.io.IOException(e); }
        return super.open(file, bufferSize);
    }
}
"""


def main() -> None:
    """Check the snapshot with one file at a time, and with as many as the ETL opens."""
    spark = start_spark("footers")
    jvm: Any = spark._jvm
    # Spark brings a compiler for the programs that it generates, so that no JDK is needed.
    compiler = jvm.org.codehaus.janino.SimpleCompiler()
    compiler.cook(SLOW_FILE_SYSTEM)
    hadoop = spark._jsc.hadoopConfiguration()
    hadoop.setClassLoader(compiler.getClassLoader())
    hadoop.set("fs.slow.impl", "SlowFileSystem")
    window = Window.T001
    source = next((REPOSITORY / "sample_data/small" / partition_prefix(window, SNAPSHOT)).glob("*.parquet"))
    with tempfile.TemporaryDirectory() as lake:
        partition = Path(lake, partition_prefix(window, SNAPSHOT))
        partition.mkdir(parents=True)
        for number in range(FILES):
            (partition / f"part-{number:05}.parquet").symlink_to(source)
        for at_once in (1, datalake_reader.FOOTERS_READ_AT_ONCE):
            datalake_reader.FOOTERS_READ_AT_ONCE = at_once
            start = time.perf_counter()
            datalake_reader.check_partition(spark, f"slow://{lake}", window, SNAPSHOT)
            print(f"{FILES} files, {at_once} at once: {time.perf_counter() - start:.1f} s")


if __name__ == "__main__":
    main()
