"""Write the documents about permissions: deploy to a local cloud, and run the pipelines for the first time.

python -m tests.infra.write_documents
"""

import sys
import tempfile
from pathlib import Path

from tests.local_stack import deployed_stack, pointed_at, run_for_the_first_time
from tools import security_docs
from tools.recorded_calls import DOCUMENT, combine, write_document
from tools.repository import REPOSITORY


def main() -> None:
    """Write docs/security.md and docs/recorded_calls.json; exit with 1 when a run fails."""
    with tempfile.TemporaryDirectory() as folder, deployed_stack(Path(folder)) as stack:
        runs = run_for_the_first_time(stack)
        if failures := [run.cause for run in (runs.etl, runs.ml, runs.again) if run.status != "SUCCEEDED"]:
            sys.exit(f"a run failed: {failures[0]}")
        with pointed_at(stack.cloud):
            security_docs.write("local")
            placeholders = security_docs.read_placeholders("local")
    DOCUMENT.write_text(write_document(combine(runs.calls, placeholders)))
    print(DOCUMENT.relative_to(REPOSITORY))


if __name__ == "__main__":
    main()
