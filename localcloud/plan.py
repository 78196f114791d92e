"""Plan a deployment, with or without AWS credentials.

python -m localcloud.plan --environment dev [--plan build/plans/dev.tfplan] [--detailed-exitcode]

With credentials, this is `tools.terraform plan`. Without credentials, it plans against an empty local cloud, and the
plan lists everything in the environment.
"""

import argparse
import tempfile
from pathlib import Path

import boto3

from localcloud import cloud as local_cloud
from localcloud.deployment import bootstrap
from tools import terraform


def main() -> None:
    """Plan, and exit with the code of `tools.terraform plan`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--environment", required=True, choices=terraform.ENVIRONMENTS)
    arguments, others = parser.parse_known_args()
    command = ["plan", "--environment", arguments.environment, *others]
    if boto3.Session().get_credentials() is not None:
        terraform.main(command)
        return
    print(f"No AWS credentials found: planning {arguments.environment} against an empty local cloud", flush=True)
    with tempfile.TemporaryDirectory() as folder, local_cloud.running(Path(folder)):
        bootstrap(arguments.environment)
        terraform.main(command)


if __name__ == "__main__":
    main()
