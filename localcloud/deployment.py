"""Deploy this repository's Terraform, environment `local`, to the local cloud."""

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import boto3

from buyer_stage.domain.datalake import SURVEY_FILE, SURVEY_KEY, TABLES_PREFIX
from localcloud.cloud import REGION, LocalCloudError
from tools.package import build_packages
from tools.publish import code_bucket, publish
from tools.repository import REPOSITORY
from tools.terraform import CONFIGURATION, TerraformError, Workspace, state_bucket, terraform_call
from tools.terraform_layout import LAYOUT_FILE, layout_json

PACKAGES = REPOSITORY / "build" / "packages"
INBOX = "localcloud-notifications"


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
    """

    datalake_bucket: str
    pipeline_bucket: str
    table_name: str
    lookup_url: str
    etl_state_machine_arn: str
    ml_state_machine_arn: str
    function_names: list[str]
    inbox_url: str

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


def deploy(work_folder: Path) -> Deployment:
    """Publish the code, apply the Terraform configuration, create the bucket of the data lake, and subscribe an inbox.

    Args:
        work_folder: folder for the data and the log of Terraform.

    Raises:
        LocalCloudError: Terraform failed; the message names its log.
    """
    terraform = local_workspace(work_folder)
    create_buckets("local")
    with ThreadPoolExecutor(1) as background:
        bootstrapped = background.submit(apply_bootstrap, "local", state_bucket("local"), work_folder)
        build_packages(REPOSITORY, PACKAGES)
        publish(code_bucket("local"), PACKAGES, REGION)
        try:
            terraform.init()
            bootstrapped.result()
            terraform.apply(approved=True)
        except TerraformError as error:
            raise LocalCloudError(f"{error}; see {terraform.log}") from error
    outputs = terraform.outputs()
    create_bucket(outputs["datalake_bucket"])
    return Deployment(
        datalake_bucket=outputs["datalake_bucket"],
        pipeline_bucket=outputs["pipeline_bucket"],
        table_name=outputs["table_name"],
        lookup_url=outputs["lookup_url"],
        etl_state_machine_arn=outputs["etl_state_machine_alias_arn"],
        ml_state_machine_arn=outputs["ml_state_machine_alias_arn"],
        function_names=sorted(outputs["function_names"].values()),
        inbox_url=_subscribe_inbox(outputs["topic_arn"]),
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


def _subscribe_inbox(topic_arn: str) -> str:
    sqs = boto3.client("sqs")
    url = sqs.create_queue(QueueName=INBOX)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sender = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = {"Version": "2012-10-17", "Statement": [{**sender, "Resource": arn}]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    boto3.client("sns").subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=arn)
    return str(url)
