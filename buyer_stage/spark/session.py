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
        # A manifest says that an output is complete; an empty _SUCCESS beside the data would be read as data.
        .config("spark.hadoop.mapreduce.fileoutputcommitter.marksuccessfuljobs", "false")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("WARN")
    # The session's own file system object: spark-submit may have opened it before any setting could reach it.
    hadoop = spark._jvm.org.apache.hadoop.fs.FileSystem  # type: ignore[union-attr]
    hadoop.getLocal(spark._jsc.hadoopConfiguration()).setWriteChecksum(False)
    return spark
