"""Files on Hadoop's file systems, with the same code for `s3://` on EMR and Glue and for folders anywhere else."""

from typing import Any

from pyspark.sql import SparkSession


def join_uri(root: str, key: str) -> str:
    """Return the URI of a key below a root, which can end with a slash."""
    return f"{root.rstrip('/')}/{key}"


def exists(spark: SparkSession, uri: str) -> bool:
    """Check whether a file or folder exists."""
    file_system, path = _open(spark, uri)
    return bool(file_system.exists(path))


def read_text(spark: SparkSession, uri: str) -> str:
    """Read a UTF-8 file.

    Raises:
        FileNotFoundError: the file does not exist.
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
    """Write a UTF-8 file, replacing an existing one."""
    file_system, path = _open(spark, uri)
    stream = file_system.create(path, True)
    try:
        stream.write(bytearray(text.encode()))
    finally:
        stream.close()


def delete(spark: SparkSession, uri: str) -> None:
    """Delete a file, or a folder with its content, if it exists."""
    file_system, path = _open(spark, uri)
    file_system.delete(path, True)


def list_file_names(spark: SparkSession, uri: str) -> list[str]:
    """Return the sorted names of the files directly in a folder.

    Raises:
        FileNotFoundError: the folder does not exist.
    """
    return [file.getPath().getName() for file in list_files(spark, uri)]


def list_files(spark: SparkSession, uri: str) -> list[Any]:
    """Return Hadoop's `FileStatus` of the files directly in a folder, sorted by name.

    Raises:
        FileNotFoundError: the folder does not exist.
    """
    files = (status for status in _statuses(spark, uri) if status.isFile())
    return sorted(files, key=lambda status: str(status.getPath().getName()))


def list_folder_names(spark: SparkSession, uri: str) -> list[str]:
    """Return the sorted names of the folders directly in a folder.

    Raises:
        FileNotFoundError: the folder does not exist.
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
