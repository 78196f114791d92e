"""Deploy this repository's Terraform, environment `local`, to the local cloud."""

import contextlib
import json
import subprocess
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from buyer_stage.domain.datalake import SURVEY_FILE, SURVEY_KEY, TABLES_PREFIX
from localcloud.cloud import REGION, LocalCloudError
from tools.package import build_packages
from tools.publish import code_bucket, publish
from tools.repository import REPOSITORY
from tools.terraform import CONFIGURATION, TerraformError, Workspace, state_bucket, terraform_call
from tools.terraform_layout import LAYOUT_FILE, layout_json
from tools.terraform_variables import read_variables

PACKAGES = REPOSITORY / "build" / "packages"
INBOX = "localcloud-notifications"

NOT_FOR_EXECUTIONS = (
    "aws_s3_bucket_lifecycle_configuration.",
    "module.schedules.",
    "aws_cloudwatch_metric_alarm.dead_letters",
    "aws_cloudwatch_dashboard.",
)
"""Parts of the addresses of resources that no execution needs: they wait for the provider, or for one that does.

Whatever the service answers, the provider looks at the lifecycle rules of a bucket for 55 seconds, and at the
attributes of a queue for 25, before it believes that they stay."""

PARALLELISM = 30
"""How many resources Terraform works on at once: after it has created a function, the provider waits for 5 seconds."""


@dataclass(frozen=True)
class Deployment:
    """What Terraform deployed, and an inbox that subscribes to the alerts.

    Attributes:
        datalake_bucket: bucket of the data lake. It outlives deployments, so Terraform does not manage it.
        pipeline_bucket: bucket of features, models, scores and code.
        table_name: name of the serving table.
        lookup_url: URL of the lookup, with a slash at its end.
        etl_state_machine_arn: ARN of the alias that runs the live version of the ETL.
        ml_state_machine_arn: ARN of the alias that runs the live version of the ML pipeline.
        function_names: names of the functions.
        inbox_url: URL of the queue that subscribes to the alert topic.
        applied: done when Terraform has ended, with its error if it failed.
    """

    datalake_bucket: str
    pipeline_bucket: str
    table_name: str
    lookup_url: str
    etl_state_machine_arn: str
    ml_state_machine_arn: str
    function_names: list[str]
    inbox_url: str
    applied: Future[Any]

    def notifications(self) -> list[dict[str, str]]:
        """Remove the notifications from the inbox and return `Subject` and `Message` of each, oldest first."""
        sqs = boto3.client("sqs")
        received: list[dict[str, str]] = []
        while messages := sqs.receive_message(QueueUrl=self.inbox_url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                body = json.loads(message["Body"])
                received.append({"Subject": body["Subject"], "Message": body["Message"]})
                sqs.delete_message(QueueUrl=self.inbox_url, ReceiptHandle=message["ReceiptHandle"])
        return received


@contextlib.contextmanager
def deployed(work_folder: Path) -> Iterator[Deployment]:
    """Publish the code, apply the Terraform configuration, create the bucket of the data lake, and subscribe an inbox.

    The block starts when executions can run, while Terraform still waits for resources that no execution needs. It ends
    when Terraform has ended.

    Args:
        work_folder: folder for the data and the log of Terraform.

    Raises:
        LocalCloudError: Terraform failed; the message names its log.
    """
    terraform = local_workspace(work_folder)
    create_buckets("local")
    datalake_bucket = read_variables("local")["datalake"]["bucket"]
    create_bucket(datalake_bucket)
    try:
        with ThreadPoolExecutor(1) as background:
            bootstrapped = background.submit(apply_bootstrap, "local", state_bucket("local"), work_folder)
            build_packages(REPOSITORY, PACKAGES)
            publish(code_bucket("local"), PACKAGES, REGION)
            terraform.init()
            bootstrapped.result()
            events = terraform.apply_events(parallelism=PARALLELISM)
            ids = wait_until_executions_can_run(events)
            rest = background.submit(deque, events, maxlen=0)
            yield _deployment(ids, datalake_bucket, rest)
            rest.result()
    except TerraformError as error:
        raise LocalCloudError(f"{error}; see {terraform.log}") from error


def wait_until_executions_can_run(events: Iterable[dict[str, Any]]) -> dict[str, str]:
    """Read the events of an apply to an empty account until what is left to create is not for executions.

    Returns:
        Address of each created resource -> its id.
    """
    missing: set[str] = set()
    ids: dict[str, str] = {}
    for event in events:
        match event:
            case {"type": "planned_change", "change": {"action": "create", "resource": {"addr": address}}}:
                if not any(part in address for part in NOT_FOR_EXECUTIONS):
                    missing.add(address)
            # Terraform reports the whole plan before it creates anything.
            case {"type": "apply_complete", "hook": {"action": "create", "resource": {"addr": address}} as done}:
                ids[address] = done["id_value"]
                missing.discard(address)
                if not missing:
                    break
    return ids


def _deployment(ids: dict[str, str], datalake_bucket: str, applied: Future[Any]) -> Deployment:
    """Describe a deployment by the ids of its resources: Terraform has no outputs before it ends."""
    functions = "module.functions.aws_lambda_function."
    return Deployment(
        datalake_bucket=datalake_bucket,
        pipeline_bucket=ids["module.storage.aws_s3_bucket.this"],
        table_name=ids["module.serving_table.aws_dynamodb_table.this"],
        lookup_url=_function_url(ids['module.functions.aws_lambda_function.this["look_up_stage"]']),
        etl_state_machine_arn=ids["module.etl_pipeline.module.state_machine.aws_sfn_alias.live"],
        ml_state_machine_arn=ids["module.ml_pipeline.module.state_machine.aws_sfn_alias.live"],
        function_names=sorted(name for address, name in ids.items() if address.startswith(functions)),
        inbox_url=_subscribe_inbox(ids["module.notifications.aws_sns_topic.this"]),
        applied=applied,
    )


def local_workspace(work_folder: Path) -> Workspace:
    """Return Terraform for the environment `local`, which writes its output to a log in the work folder."""
    folder = work_folder / "terraform"
    folder.mkdir(parents=True, exist_ok=True)
    return Workspace("local", folder, folder / "deploy.log")


def create_buckets(environment: str) -> None:
    """Create the two buckets that `terraform/bootstrap` creates in an account, for the state and for the code.

    Like there, they are versioned and encrypted with KMS. Their names need not contain the local cloud's account.
    """
    s3 = boto3.client("s3")
    for bucket in (state_bucket(environment), code_bucket(environment)):
        create_bucket(bucket)
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        s3.put_bucket_encryption(
            Bucket=bucket,
            ServerSideEncryptionConfiguration={
                "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]
            },
        )


def create_key(environment: str) -> None:
    """Create a key with the alias of the environment's key, which is all that a plan needs of it."""
    kms = boto3.client("kms")
    kms.create_alias(AliasName=f"alias/buyer-stage-{environment}", TargetKeyId=kms.create_key()["KeyMetadata"]["KeyId"])


def bootstrap(environment: str, work_folder: Path) -> None:
    """Create what an environment depends on: buckets, and the key and the roles' boundary of `terraform/bootstrap`.

    Args:
        environment: name of the environment.
        work_folder: folder for the data of Terraform.

    Raises:
        LocalCloudError: Terraform failed.
    """
    create_buckets(environment)
    apply_bootstrap(environment, state_bucket(environment), work_folder)


def apply_bootstrap(environment: str, bucket: str, work_folder: Path) -> None:
    """Create the key and the roles' boundary of `terraform/bootstrap`. Meanwhile, other threads can use boto3.

    Args:
        environment: name of the environment.
        bucket: the bucket of its state, which exists.
        work_folder: folder for the data of Terraform.

    Raises:
        LocalCloudError: Terraform failed.
    """
    PACKAGES.mkdir(parents=True, exist_ok=True)
    (PACKAGES / LAYOUT_FILE).write_text(layout_json())  # which both configurations read
    state = (f"../environments/{environment}.s3.tfbackend", f"bucket={bucket}", "key=bootstrap/terraform.tfstate")
    targets = ('aws_kms_alias.this["environment"]', 'aws_iam_policy.this["boundary"]')
    for arguments in (
        ("init", "-input=false", "-reconfigure", *(f"-backend-config={setting}" for setting in state)),
        (
            "apply", "-input=false", "-auto-approve", f"-var-file=environments/{environment}.tfvars",
            *(f"-target={target}" for target in targets),
        ),
    ):  # fmt: skip
        command, variables = terraform_call(CONFIGURATION / "bootstrap", work_folder / "terraform-bootstrap", arguments)
        done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise LocalCloudError(f"terraform {arguments[0]} of the bootstrap failed: {done.stderr}")


def upload_data_lake(folder: Path, bucket: str) -> None:
    """Upload the tables and the survey in a folder to the bucket of the data lake."""
    s3 = boto3.client("s3")
    for file in sorted((folder / TABLES_PREFIX).rglob("*.parquet")):
        s3.upload_file(str(file), bucket, str(file.relative_to(folder)))
    s3.upload_file(str(folder / SURVEY_FILE), bucket, SURVEY_KEY)


def create_bucket(name: str) -> None:
    """Create a bucket in the region of the local cloud."""
    boto3.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})


def _function_url(name: str) -> str:
    return str(boto3.client("lambda").get_function_url_config(FunctionName=name, Qualifier="live")["FunctionUrl"])


def _subscribe_inbox(topic_arn: str) -> str:
    sqs = boto3.client("sqs")
    url = sqs.create_queue(QueueName=INBOX)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sender = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = {"Version": "2012-10-17", "Statement": [{**sender, "Resource": arn}]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    boto3.client("sns").subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=arn)
    return str(url)
