"""Read the values of an environment's Terraform variables, defaults included, and the settings of its backend.

Nothing has to be deployed. Terraform evaluates the variables: a configuration of variables alone needs neither a
provider nor a state.
"""

import json
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from tools.terraform import CONFIGURATION
from tools.terraform_binary import TerraformError, find_terraform

BOOTSTRAP = CONFIGURATION / "bootstrap"


def read_backend(environment: str) -> dict[str, str]:
    """Return the settings of the backend that keeps an environment's state."""
    text = (CONFIGURATION / "environments" / f"{environment}.s3.tfbackend").read_text()
    return dict(re.findall(r'^(\w+)\s*=\s*"([^"]*)"', text, flags=re.MULTILINE))


def read_variables(environment: str, configuration: Path = CONFIGURATION) -> dict[str, Any]:
    """Return the value of each variable of a configuration.

    Args:
        environment: name of the file with its values, in `environments/` of the configuration.
        configuration: folder of the configuration.

    Raises:
        TerraformError: a value is missing, or Terraform cannot read it.
    """
    declarations = (configuration / "variables.tf").read_text()
    names = re.findall(r'^variable "(\w+)"', declarations, flags=re.MULTILINE)
    values = configuration / "environments" / f"{environment}.tfvars"
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "variables.tf").write_text(declarations)
        command = [str(find_terraform()), f"-chdir={folder}", "console", f"-var-file={values.resolve()}"]
        expression = f"jsonencode({{ {', '.join(f'{name} = var.{name}' for name in names)} }})"
        done = subprocess.run(command, input=expression, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise TerraformError(f"{values.name}: {' '.join(done.stderr.split())}")
    if not done.stdout.startswith('"'):
        raise TerraformError(f"{values.name}: set every variable of {configuration.name} that has no default")
    # The console prints a string as HCL spells it: like JSON, with more escapes for its templates.
    text = json.loads(done.stdout.strip().replace("$${", "${").replace("%%{", "%{"))
    variables: dict[str, Any] = json.loads(text)
    return variables
