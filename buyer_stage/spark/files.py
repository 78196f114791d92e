"""Files through Hadoop's file systems: `s3://` on EMR and Glue, plain folders anywhere else, one code for both."""

from typing import Any

from pyspark.sql import SparkSession


def join_uri(root: str, key: str) -> str:
    """Give the URI of a key below a root, whether or not the root ends with a slash."""
    return f"{root.rstrip('/')}/{key}"


def exists(spark: SparkSession, uri: str) -> bool:
    """Tell whether a file or folder is there."""
    file_system, path = _open(spark, uri)
    return bool(file_system.exists(path))


def read_text(spark: SparkSession, uri: str) -> str:
    """Read a UTF-8 file.

    Raises:
        FileNotFoundError: there is no such file.
    """
    file_system, path = _open(spark, uri)
    if not file_system.exists(path):
        raise FileNotFoundError(uri)
    stream = file_system.open(path)
    try:
        return str(_jvm(spark).org.apache.commons.io.IOUtils.toString(stream, "UTF-8"))
    finally:
        stream.close()


def write_text(spark: SparkSession, uri: str, text: str) -> None:
    """Write a UTF-8 file, in the place of one that is there."""
    file_system, path = _open(spark, uri)
    stream = file_system.create(path, True)
    try:
        stream.write(bytearray(text.encode()))
    finally:
        stream.close()


def delete(spark: SparkSession, uri: str) -> None:
    """Delete a file, or a folder with all it holds; one that is not there is fine."""
    file_system, path = _open(spark, uri)
    file_system.delete(path, True)


def list_file_names(spark: SparkSession, uri: str) -> list[str]:
    """Give the sorted names of the files directly in a folder.

    Raises:
        FileNotFoundError: there is no such folder.
    """
    return sorted(status.getPath().getName() for status in _statuses(spark, uri) if status.isFile())


def list_folder_names(spark: SparkSession, uri: str) -> list[str]:
    """Give the sorted names of the folders directly in a folder.

    Raises:
        FileNotFoundError: there is no such folder.
    """
    return sorted(status.getPath().getName() for status in _statuses(spark, uri) if status.isDirectory())


def _statuses(spark: SparkSession, uri: str) -> list[Any]:
    file_system, path = _open(spark, uri)
    if not file_system.exists(path):
        raise FileNotFoundError(uri)
    return list(file_system.listStatus(path))


def _open(spark: SparkSession, uri: str) -> tuple[Any, Any]:
    path = _jvm(spark).org.apache.hadoop.fs.Path(uri)
    return path.getFileSystem(spark._jsc.hadoopConfiguration()), path


def _jvm(spark: SparkSession) -> Any:
    return spark._jvm
