"""Writes Terraform's CLI configuration: `python -m tools.terraform_mirror --out build/terraform.rc`.

Providers come from a mirror on this machine when there is one, so that no network is needed, else from the registry.
`TF_PLUGIN_MIRROR` names the mirror; without it, the folders near the root of the file system are searched.
"""

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

REGISTRY = "registry.terraform.io"
PROVIDER = Path(REGISTRY) / "hashicorp" / "aws"
SEARCH_DEPTH = 4
NOT_SEARCHED = frozenset({"dev", "proc", "run", "sys", "tmp"})
"""Kernel file systems, and the folder where anyone may leave a program."""


class MirrorNotFoundError(FileNotFoundError):
    """`TF_PLUGIN_MIRROR` names a folder that is not a mirror."""


def folders(root: Path, depth: int) -> Iterator[Path]:
    """Give the folder and those below it, nearest first, down to a depth; links and unreadable folders are left out."""
    level = [root]
    for _ in range(depth):
        yield from level
        below: list[Path] = []
        for folder in level:
            try:
                with os.scandir(folder) as entries:
                    below += sorted(Path(entry) for entry in entries if entry.is_dir(follow_symlinks=False))
            except OSError:
                continue
        level = [folder for folder in below if folder.parent != root or folder.name not in NOT_SEARCHED]


def find_mirror(root: Path = Path("/")) -> Path | None:
    """Find the folder of provider packages on this machine.

    Args:
        root: where to search when `TF_PLUGIN_MIRROR` is not set.

    Returns:
        The mirror, or None when there is none.

    Raises:
        MirrorNotFoundError: `TF_PLUGIN_MIRROR` is set but names no mirror.
    """
    if named := os.environ.get("TF_PLUGIN_MIRROR"):
        if not (Path(named) / PROVIDER).is_dir():
            raise MirrorNotFoundError(f"TF_PLUGIN_MIRROR={named} holds no {PROVIDER}")
        return Path(named)
    return next((folder for folder in folders(root, SEARCH_DEPTH) if (folder / PROVIDER).is_dir()), None)


def cli_configuration(mirror: Path | None) -> str:
    """Give the text of a CLI configuration file that installs providers from a mirror, or from the registry."""
    if mirror is None:
        return "provider_installation {\n  direct {}\n}\n"
    return f'provider_installation {{\n  filesystem_mirror {{\n    path = "{mirror}"\n  }}\n}}\n'


def main() -> None:
    """Write the configuration file and say where providers come from."""
    parser = argparse.ArgumentParser(description="Write Terraform's CLI configuration for this machine.")
    parser.add_argument("--out", type=Path, required=True, help="the configuration file")
    arguments = parser.parse_args()
    mirror = find_mirror()
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(cli_configuration(mirror))
    print(f"Terraform providers come from {mirror or REGISTRY}")


if __name__ == "__main__":
    main()
