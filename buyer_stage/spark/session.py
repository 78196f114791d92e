"""The Spark session of every step."""

from py4j.java_gateway import java_import
from pyspark.sql import SparkSession

JAVA_CLASSES = ("sql.functions", "sql.Column", "sql.SparkSession", "api.python.PythonUtils")
"""Classes of `org.apache.spark` that PySpark asks Java for with every column. Unless they are imported, Java looks for
each in six packages, in all 250 archives of Spark: a column takes 4 times as long."""


def start_spark(app_name: str) -> SparkSession:
    """Start Spark so that its output folders hold data files and nothing else.

    Args:
        app_name: name shown in the history server.
    """
    spark = (
        SparkSession.builder.appName(app_name)
        .config("spark.sql.session.timeZone", "UTC")
        # Readers rely on manifests, and would read an empty _SUCCESS file as data.
        .config("spark.hadoop.mapreduce.fileoutputcommitter.marksuccessfuljobs", "false")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("WARN")
    for name in JAVA_CLASSES:
        java_import(spark._jvm, f"org.apache.spark.{name}")
    # Set on the file system object itself: spark-submit can have opened it before any setting takes effect.
    hadoop = spark._jvm.org.apache.hadoop.fs.FileSystem  # type: ignore[union-attr]
    hadoop.getLocal(spark._jsc.hadoopConfiguration()).setWriteChecksum(False)
    return spark
