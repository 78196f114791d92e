"""Terraform's own values of an environment's variables."""

from pathlib import Path

import pytest

from tools.terraform_binary import TerraformError
from tools.terraform_variables import BOOTSTRAP, read_variables


def test_values_of_the_environment_and_defaults_are_read() -> None:
    variables = read_variables("prod")
    assert variables["transform"] == {"instance_count": 5, "instance_type": "ml.m5.xlarge"}
    assert variables["region"] == "us-west-2"


def test_variables_of_the_bootstrap_are_read() -> None:
    variables = read_variables("dev", BOOTSTRAP)
    assert variables["github_repository"] == "example-org/buyer-stage-pipelines"
    assert variables["github_oidc_provider_arn"] is None


def configuration(folder: Path, value: str) -> Path:
    (folder / "variables.tf").write_text('variable "name" {\n  type = string\n}\n')
    (folder / "environments").mkdir()
    (folder / "environments" / "dev.tfvars").write_text(value)
    return folder


def test_text_with_quotes_and_templates_is_read_as_it_is(tmp_path: Path) -> None:
    folder = configuration(tmp_path, 'name = "a \\"b\\" $${c} %%{d} \\\\"\n')
    assert read_variables("dev", folder) == {"name": 'a "b" ${c} %{d} \\'}


def test_missing_value_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(TerraformError, match=r"dev\.tfvars: set every variable"):
        read_variables("dev", configuration(tmp_path, ""))
