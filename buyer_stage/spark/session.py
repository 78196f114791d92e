"""The Spark session of every step."""

from pyspark.sql import SparkSession


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
    # Set on the file system object itself: spark-submit can have opened it before any setting takes effect.
    hadoop = spark._jvm.org.apache.hadoop.fs.FileSystem  # type: ignore[union-attr]
    hadoop.getLocal(spark._jsc.hadoopConfiguration()).setWriteChecksum(False)
    return spark
