"""Draws which modules the Terraform root has, and which outputs of one another takes."""

import re
from collections.abc import Mapping
from pathlib import Path

from tools.diagrams.markdown import document, table
from tools.repository import REPOSITORY

ROOT = REPOSITORY / "terraform"

Output = tuple[str, str]
"""A module and the name of one of its outputs."""


def modules_document() -> str:
    """Draw the modules of the root and list the resources of each."""
    calls = read_module_calls((ROOT / "main.tf").read_text())
    resources = read_resources(ROOT)
    rows = []
    for module in calls:
        kinds = sorted(kind.partition(".")[2] for kind in resources if kind.startswith(f"{module}."))
        rows.append((f"[{module}](../../terraform/modules/{module}/)", ", ".join(f"`{kind}`" for kind in kinds)))
    not_drawn = [
        f"Not drawn: `{output}` of `{source}`, which goes to {', '.join(f'`{module}`' for module in modules)}."
        for (source, output), modules in outputs_taken_by_most(calls).items()
    ]
    return document(
        "The deployment, module by module",
        "An arrow is an output of one module that another takes. Drawn from [main.tf](../../terraform/main.tf).",
        draw_modules(calls),
        "\n".join(not_drawn),
        table(("module", "creates"), *rows),
    )


def read_resources(root: Path) -> set[str]:
    """List the kinds of resources of a configuration.

    Args:
        root: folder of the root module; its own modules are in `modules/`.

    Returns:
        `module.aws_kind`, and `root.aws_kind` for the root itself. The resources of a module that only other modules
        call count as theirs.
    """
    texts = {"root": [file.read_text() for file in root.glob("*.tf")]}
    for file in root.glob("modules/*/*.tf"):
        texts.setdefault(file.parent.name, []).append(file.read_text())
    text = {module: "\n".join(files) for module, files in texts.items()}
    used = {module: re.findall(r'^  source = "\.\./(\w+)"', body, flags=re.MULTILINE) for module, body in text.items()}
    shared = {neighbor for neighbors in used.values() for neighbor in neighbors}
    return {
        f"{module}.{kind}"
        for module in text.keys() - shared
        for source in (module, *used[module])
        for kind in re.findall(r'^resource "(\w+)"', text[source], flags=re.MULTILINE)
    }


def read_module_calls(root_text: str) -> dict[str, set[Output]]:
    """Read which outputs of other modules each module takes.

    Args:
        root_text: the formatted `main.tf` of the root, in which a block ends with a brace at the start of a line.

    Returns:
        Module -> outputs of other modules.
    """
    blocks = re.findall(r'^module "(\w+)" \{$(.*?)^\}$', root_text, flags=re.MULTILINE | re.DOTALL)
    return {name: set(re.findall(r"\bmodule\.(\w+)\.(\w+)", body)) for name, body in blocks}


def draw_modules(calls: Mapping[str, set[Output]]) -> str:
    """Draw which module takes which outputs, except those that most modules take."""
    not_drawn = outputs_taken_by_most(calls).keys()
    lines = ["flowchart LR", *(f'  {module}["{module}"]' for module in calls)]
    for module, taken in calls.items():
        drawn = sorted(taken - not_drawn)
        for source in sorted({source for source, _ in drawn}):
            outputs = "<br/>".join(output for other, output in drawn if other == source)
            lines.append(f'  {source} -->|"{outputs}"| {module}')
    return "\n".join(lines)


def outputs_taken_by_most(calls: Mapping[str, set[Output]]) -> dict[Output, list[str]]:
    """Return the outputs that more than half of the modules take, each with those modules."""
    outputs = {output for taken in calls.values() for output in taken}
    takers = {output: [module for module, taken in calls.items() if output in taken] for output in sorted(outputs)}
    return {output: modules for output, modules in takers.items() if len(modules) > len(calls) / 2}
