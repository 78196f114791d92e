"""Keep the artifacts of a workflow run, as `actions/upload-artifact` and `actions/download-artifact` v4 do.

Both READMEs document the rules: hidden files stay out, an artifact starts at the least common ancestor of its paths,
files lose their modes, and a name is used once per run.
"""

import fnmatch
import glob
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from localcloud.rehearsal.errors import RehearsalError


def upload(artifacts: Path, workspace: Path, inputs: Mapping[str, str]) -> None:
    """Store an artifact.

    Args:
        artifacts: folder of the run's artifacts.
        workspace: folder of the job.
        inputs: what the step passes to the action.

    Raises:
        RehearsalError: no file matches although the step requires one, or the name is taken.
    """
    name = inputs["name"]
    lines = [line.strip() for line in inputs["path"].splitlines() if line.strip()]
    included = [line for line in lines if not line.startswith("!")]
    excluded = _matching(workspace, [line[1:] for line in lines if line.startswith("!")])
    files = sorted(_matching(workspace, included) - excluded)
    if not files:
        if inputs.get("if-no-files-found", "warn") == "error":
            raise RehearsalError(f"no file matches the path of artifact {name}: {', '.join(lines)}")
        return
    folder = artifacts / name
    if folder.exists():
        raise RehearsalError(f"the run already has an artifact {name}; upload each name once")
    root = _common_folder(workspace, included)
    for file in files:
        target = folder / file.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)


def download(artifacts: Path, workspace: Path, inputs: Mapping[str, str]) -> None:
    """Copy one artifact, or those that match a pattern, into the folder of a job.

    Args:
        artifacts: folder of the run's artifacts.
        workspace: folder of the job.
        inputs: what the step passes to the action.

    Raises:
        RehearsalError: the run has no artifact of that name, or the step names none.
    """
    target = workspace / inputs["path"]
    there = sorted(folder.name for folder in artifacts.iterdir())
    if "pattern" not in inputs:
        if "name" not in inputs:
            raise RehearsalError("name the artifact, or set a pattern; the rehearsal does not download all of them")
        if inputs["name"] not in there:
            raise RehearsalError(f"there is no artifact {inputs['name']}; the run has {', '.join(there) or 'none'}")
        shutil.copytree(artifacts / inputs["name"], target, dirs_exist_ok=True)
        return
    for name in fnmatch.filter(there, inputs["pattern"]):
        into = target if inputs.get("merge-multiple") == "true" else target / name
        shutil.copytree(artifacts / name, into, dirs_exist_ok=True)


def _matching(workspace: Path, patterns: Iterable[str]) -> set[Path]:
    found = {
        workspace / name
        for pattern in patterns
        for name in glob.glob(pattern, root_dir=workspace, recursive=True)  # noqa: PTH207 # Path.glob lists hidden files
    }
    below = {file for path in found if path.is_dir() for file in path.rglob("*")}
    return {
        file
        for file in found | below
        if file.is_file() and not any(part.startswith(".") for part in file.relative_to(workspace).parts)
    }


def _common_folder(workspace: Path, patterns: Iterable[str]) -> Path:
    searched = []
    for pattern in patterns:
        plain = pattern
        while glob.has_magic(plain):
            plain = str(Path(plain).parent)
        path = workspace / plain
        searched.append(path if path.is_dir() else path.parent)
    return Path(os.path.commonpath(searched))
