"""Find the error in the log of a process."""

import re

ERROR_LINE = re.compile(r"^(?:[a-zA-Z_]\w*\.)*[A-Z]\w*(?:Error|Exception)\b.*", re.MULTILINE)


def last_error(log: str, exit_code: int) -> str:
    """Return the last line that names an error; without one, the exit code and the last three lines."""
    errors = ERROR_LINE.findall(log)
    return errors[-1].strip() if errors else f"exit code {exit_code}: {' '.join(log.splitlines()[-3:])}"


def exception_name(log: str) -> str:
    """Return the class name of the exception whose traceback ends a log, or an empty string."""
    _, frame, rest = log.rpartition('\n  File "')
    line = next((line for line in rest.splitlines()[1:] if line and not line[0].isspace()), "") if frame else ""
    return line.partition(":")[0].rpartition(".")[2].strip()
