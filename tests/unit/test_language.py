"""Prose, messages, and names are plain American English: words that read as translated stay out."""

import ast
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.repository import REPOSITORY

WORDS = (
    # pattern, what to write instead
    (r"mend(?:s|ed|ing)?", "fix"),
    (r"anew", "again"),
    (r"put(?:s|ting)? out", "write, output"),
    (r"beside", "next to, compared with, and"),
    (r"of (?:ours|theirs)", "our, their"),
    (r"in the place of", "instead of"),
    (r"of whom", "who, whose"),
    (r"belong(?:s|ed|ing)? into", "belongs in"),
    (r"all the same", "anyway, still, equal"),
    (r"t(?:akes?|aken|aking|ook) away", "delete, remove"),
    (r"tell(?:s|ing)? whether", "check whether, show whether"),
    (r"otherwise than", "differently from, unlike"),
    (r"(?<!there\s)is no \w+ (?:of|that|which)", "is not a ..."),
    (r"(?:this|that|it) is no(?! longer| more| less| better| worse| different| larger| smaller) \w+", "is not a ..."),
    (r"(?<!there\s)are (?:too )?few", "there are (too) few ..."),
    (r"flatter(?:s|ed|ing)?", "inflates"),
    (r"for ever", "forever, indefinitely"),
    (r"(?:no|some|every)body (?:is|was|has|had|can|could|may|must|will|should|does|did|\w+s)", "say who"),
    (r"labell(?:ed|ing)", "labeled, labeling"),
    (r"modell(?:ed|ing)", "modeled, modeling"),
    (r"(?:mis)?behaviou\w+", "behavior"),
    (r"(?:neighbou|colou|rumou|favou|honou)r\w*", "-or: neighbor, color, ..."),
    (r"artefacts?", "artifact"),
    (r"(?:initial|final|normal|serial|organ|recogn|summar|author|minim|maxim|optim)is(?:e[ds]?|ing|ation)", "-ize"),
)
"""Words and phrases that are always wrong in this repository. A space stands for any gap, line breaks included."""

GAP = r"""(?:\s|\\n|\#|f?["'])+"""
"""What can stand between two words of a phrase that a comment, a docstring, or a string literal wraps."""
PATTERNS = [
    (re.compile(rf"\b{pattern.replace(' ', GAP)}\b", re.IGNORECASE), suggestion) for pattern, suggestion in WORDS
]

PROSE = ("*.md", "*.py", "*.ipynb", "*.tf", "*.hcl", "*.sql", "*.sh", "*.yml", "*.toml", "*.json*", "Makefile")
FIRST_WORDS = {"Give", "Gives", "Tell", "Tells"}


def tracked(*patterns: str) -> list[Path]:
    """List the tracked files that match, without this one, which spells the words."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split("\0")
    files = {REPOSITORY / name for name in listed if name} - {Path(__file__).resolve()}
    return sorted(file for file in files if file.is_file())


def passages(file: Path) -> Iterator[tuple[str, str]]:
    """Yield what people read in a file: where it is, and the text; of a notebook its cells without their outputs."""
    name = str(file.relative_to(REPOSITORY))
    if file.suffix == ".ipynb":
        for number, cell in enumerate(json.loads(file.read_text())["cells"], start=1):
            yield f"{name}, cell {number}", "".join(cell["source"])
    else:
        yield name, file.read_text()


def findings(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield the line, the words, and what to write instead. Names count as prose: `_` separates their words."""
    spaced = text.replace("_", " ")
    for pattern, suggestion in PATTERNS:
        for match in pattern.finditer(spaced):
            yield spaced.count("\n", 0, match.start()) + 1, " ".join(match[0].split()), suggestion


def test_no_word_reads_as_translated() -> None:
    found = [
        f"{where}:{line}: {words!r}; write: {suggestion}"
        for file in tracked(*PROSE)
        for where, text in passages(file)
        for line, words, suggestion in sorted(findings(text))
    ]

    assert not found, "\n" + "\n".join(found)


def test_docstrings_start_with_what_is_done() -> None:
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found = []
    for file in tracked("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, documented) and (ast.get_docstring(node) or "").split(" ")[0] in FIRST_WORDS:
                line = getattr(node, "lineno", 1)
                found.append(f"{file.relative_to(REPOSITORY)}:{line}: write: Return, Read, Check, ...")

    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    "text",
    [
        "Mend it, then run the day again.",
        "A report that is put\nout twice.",
        "# It fails all the\n    # same.",
        'f"the members of " f"whom it named"',
        "def test_this_is_no_name_of_a_bucket() -> None:",
        "Somebody has to decide.",
        "the labelled set",
    ],
)
def test_wrong_words_are_found(text: str) -> None:
    assert list(findings(text))


@pytest.mark.parametrize(
    "text",
    [
        "There is no model that scores members.",
        "A model that is no better is no longer there. Besides, there are too few.",
        "put_object(output); recommend amendments",
        "labeled behavior of neighbors, organized",
        "the user nobody",
    ],
)
def test_plain_words_are_not_found(text: str) -> None:
    assert list(findings(text)) == []
