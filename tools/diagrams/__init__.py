"""Draws the diagrams in `docs/diagrams/` from the definitions: `python -m tools.diagrams`.

The state machines, the modules of the Terraform root and the architecture have a module each. The diagrams are
Mermaid, which GitHub renders: https://mermaid.js.org/syntax/flowchart.html.
"""

from tools.diagrams.documents import FOLDER, documents

__all__ = ["FOLDER", "documents"]
