"""docs/recorded_calls.json holds the calls of the first runs; `make preflight` simulates them in AWS."""

import pytest

from tests.local_stack import FirstRuns
from tools.recorded_calls import DOCUMENT, combine, read_document
from tools.security_docs import read_placeholders


@pytest.mark.usefixtures("stack")
def test_document_holds_the_recorded_calls(first_runs: FirstRuns) -> None:
    calls = set(combine(first_runs.calls, read_placeholders("local")))
    documented = set(read_document(DOCUMENT.read_text()))
    assert (calls - documented, documented - calls) == (set(), set()), "run `make diagrams`"
