"""Keep AWS and the local cloud apart: what a command can reach, and which variables a process inherits.

A command for the environment `local` reaches the local cloud and nothing else. A command for another environment never
reaches a local cloud, unless `make plan` or `make rehearse-deploy` started that local cloud in place of AWS.
"""

import os
import sys
from collections.abc import Mapping
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import BotoCoreError, ClientError

LOCAL = "local"
LOCAL_ACCOUNT = "000000000000"
LOCAL_KEY_PREFIX = "LOCALCLOUD"
"""How the ids of the local cloud's access keys start. Those of AWS have other prefixes, see
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html."""
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})

STAND_IN = "LOCALCLOUD_STANDS_IN_FOR_AWS"
"""Variable with the endpoint of a local cloud that commands for other environments use in place of AWS."""

WITHOUT_PROFILE = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}
"""Variables that keep AWS clients from looking for credentials, profiles and endpoints elsewhere."""

WITHOUT_PROXY = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
"""Variables that keep requests to the local cloud from a proxy."""

SETTINGS = frozenset(
    {"AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
)
"""The variables of a local cloud. `WITHOUT_PROFILE` and `WITHOUT_PROXY` have one value for all of them."""

PROXIES = frozenset({"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "FTP_PROXY", "NO_PROXY"})

INHERITED = frozenset(
    {
        "PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR",
        "LANG", "LANGUAGE", "TZ", "TERM", "COLUMNS", "NO_COLOR", "CI",
        "JAVA_HOME", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS",
        "SSL_CERT_FILE", "SSL_CERT_DIR", "TERRAFORM_CONFIG", "CHECKPOINT_DISABLE",
    }
)  # fmt: skip
INHERITED_PREFIXES = ("LC_", "COV_CORE_", "COVERAGE_", "TF_")
"""The variables that processes of the local cloud inherit, as names and prefixes. They get no other ones."""

_PROXIES_AT_START = {name: value for name, value in os.environ.items() if name.upper() in PROXIES}


def inherited(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that a process of the local cloud inherits."""
    return {
        name: value for name, value in variables.items() if name in INHERITED or name.startswith(INHERITED_PREFIXES)
    }


def is_foreign(name: str) -> bool:
    """Check whether a variable can lead an AWS client elsewhere: any of AWS's, and proxies."""
    return name.startswith("AWS_") or name.upper() in PROXIES


def is_loopback(endpoint: str) -> bool:
    """Check whether an endpoint is on this machine."""
    return (urlsplit(endpoint).hostname or "") in LOOPBACK_HOSTS


def for_terraform(subcommand: str) -> dict[str, str]:
    """Return the variables that Terraform gets from this process.

    On the local cloud, they are the inherited ones and the local cloud's. `init` also gets the proxies, because it can
    download the provider. Terraform never uses them for the loopback address.
    """
    if not is_loopback(os.environ.get("AWS_ENDPOINT_URL", "")):
        return dict(os.environ)
    settings = {name: os.environ[name] for name in SETTINGS & os.environ.keys()}
    proxies = _PROXIES_AT_START if subcommand == "init" else {}
    return {**inherited(os.environ), **proxies, **WITHOUT_PROXY, **WITHOUT_PROFILE, **settings}


def require(environment: str) -> None:
    """Make sure that this process reaches the requested environment and no other; exit with 1 when it does not.

    For the environment `local`, also drop every variable that could lead an AWS client elsewhere.

    Args:
        environment: name of the environment that the command is for.
    """
    endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
    stands_in = bool(endpoint) and is_loopback(endpoint) and os.environ.get(STAND_IN) == endpoint
    if environment != LOCAL and not stands_in:
        _require_aws(environment)
        return
    if not is_loopback(endpoint):
        _refuse(environment, "AWS_ENDPOINT_URL is not the address of a local cloud. Start one with `make demo-up`")
    if not os.environ.get("AWS_ACCESS_KEY_ID", "").startswith(LOCAL_KEY_PREFIX):
        _refuse(environment, "AWS_ACCESS_KEY_ID is not a key of the local cloud. Set the variables of `make demo-env`")
    for name in list(os.environ):
        if is_foreign(name) and name not in SETTINGS:
            del os.environ[name]
    os.environ.update(WITHOUT_PROFILE | WITHOUT_PROXY)


def _require_aws(environment: str) -> None:
    remedy = "Open a shell without the variables of `make demo-env`"
    for name, value in os.environ.items():
        if name.startswith("AWS_ENDPOINT_URL") and is_loopback(value):
            _refuse(environment, f"{name} is the address of a local cloud. {remedy}")
    if os.environ.get("AWS_ACCESS_KEY_ID", "").startswith(LOCAL_KEY_PREFIX):
        _refuse(environment, f"AWS_ACCESS_KEY_ID is a key of a local cloud. {remedy}")
    try:
        sts = boto3.client("sts")
        if is_loopback(sts.meta.endpoint_url):
            _refuse(environment, "the AWS profile has the endpoint of a local cloud. Use another profile")
        account = sts.get_caller_identity()["Account"]
    except (BotoCoreError, ClientError) as error:
        _refuse(environment, f"AWS does not say whose credentials these are: {error}")
    if account == LOCAL_ACCOUNT:
        _refuse(environment, f"the credentials are of account {account}, which only local clouds have")


def _refuse(environment: str, reason: str) -> None:
    sys.exit(f"This command is for the environment {environment}, but {reason}.")
