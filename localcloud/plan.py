"""Plan a deployment, with or without AWS credentials.

python -m localcloud.plan --environment dev [--plan build/plans/dev.tfplan] [--destroy] [--no-lock] \
    [--detailed-exitcode]

With credentials, this is `tools.terraform plan`. Without credentials, it plans against an empty local cloud, and the
plan lists everything in the environment. The environment `local` is on the running local cloud, or on an empty one.
"""

import argparse
import os
import tempfile
from pathlib import Path

import boto3

from localcloud import cloud as local_cloud
from localcloud.deployment import create_buckets, create_key
from tools import terraform
from tools.environment import LOCAL, STAND_IN, is_loopback


def main() -> None:
    """Plan, and exit with the code of `tools.terraform plan`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--environment", required=True, choices=terraform.ENVIRONMENTS)
    arguments, others = parser.parse_known_args()
    command = ["plan", "--environment", arguments.environment, *others]
    if _is_deployed_somewhere(arguments.environment):
        terraform.main(command)
        return
    print(f"Planning {arguments.environment} against an empty local cloud", flush=True)
    with tempfile.TemporaryDirectory() as folder, local_cloud.running(Path(folder)) as cloud:
        os.environ[STAND_IN] = cloud.environment["AWS_ENDPOINT_URL"]
        create_buckets(arguments.environment)
        create_key(arguments.environment)
        terraform.main(command)


def _is_deployed_somewhere(environment: str) -> bool:
    if environment == LOCAL:  # Credentials of AWS do not matter, and nothing sends them.
        return is_loopback(os.environ.get("AWS_ENDPOINT_URL", ""))
    return boto3.Session().get_credentials() is not None


if __name__ == "__main__":
    main()
