"""Stand in for GitHub's command line: write down each call, and find what the caller says there is.

`GH_CALLS` names the file of calls, one JSON object per line with the words and the body. `GH_FOUND` is what queries
find.
"""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path


def body_of(words: Sequence[str]) -> str:
    """Return the body that a call sends from a file, or an empty text."""
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word == "--body-file":
            return Path(following).read_text()
        if word.startswith("body=@"):
            return Path(word.removeprefix("body=@")).read_text()
    return ""


def main() -> None:
    """Record one call; exit with 4, as `gh` does, when there is no token."""
    words = sys.argv[1:]
    if not os.environ.get("GH_TOKEN"):
        print(
            "gh: to use GitHub CLI in a GitHub Actions workflow, set the GH_TOKEN environment variable", file=sys.stderr
        )
        sys.exit(4)
    with Path(os.environ["GH_CALLS"]).open("a") as calls:
        calls.write(json.dumps({"words": " ".join(words), "body": body_of(words)}) + "\n")
    if "--paginate" in words or words[:2] == ["issue", "list"]:
        print(os.environ.get("GH_FOUND", ""), end="")


if __name__ == "__main__":
    main()
