"""Makes a plan for an environment, also where there are no credentials.

python -m localcloud.plan --environment dev [--plan build/plans/dev.tfplan] [--detailed-exitcode]

With credentials this is `tools.terraform plan`. Without, the plan is made against a local cloud that lives as long as
it takes: empty, so that a reviewer sees everything that the environment is made of.
"""

import argparse
import tempfile
from pathlib import Path

import boto3

from localcloud import cloud as local_cloud
from localcloud.deployment import bootstrap
from tools import terraform


def main() -> None:
    """Plan, and exit as `tools.terraform plan` does."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--environment", required=True, choices=terraform.ENVIRONMENTS)
    arguments, others = parser.parse_known_args()
    command = ["plan", "--environment", arguments.environment, *others]
    if boto3.Session().get_credentials() is not None:
        terraform.main(command)
        return
    print(f"no credentials: planning {arguments.environment} against an empty local cloud", flush=True)
    with tempfile.TemporaryDirectory() as folder, local_cloud.running(Path(folder)):
        bootstrap(arguments.environment)
        terraform.main(command)


if __name__ == "__main__":
    main()
