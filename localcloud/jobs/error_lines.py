"""Finds what went wrong in what a process has printed."""

import re

ERROR_LINE = re.compile(r"^(?:[a-zA-Z_]\w*\.)*[A-Z]\w*(?:Error|Exception)\b.*", re.MULTILINE)


def last_error(log: str, exit_code: int) -> str:
    """Give the last line that names an error, or the exit code and the last lines when none does."""
    errors = ERROR_LINE.findall(log)
    return errors[-1].strip() if errors else f"exit code {exit_code}: {' '.join(log.splitlines()[-3:])}"


def exception_name(log: str) -> str:
    """Give the class name of the exception whose traceback a log ends with; empty when it ends with none."""
    _, frame, rest = log.rpartition('\n  File "')
    line = next((line for line in rest.splitlines()[1:] if line and not line[0].isspace()), "") if frame else ""
    return line.partition(":")[0].rpartition(".")[2].strip()
