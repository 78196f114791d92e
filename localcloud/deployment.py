"""Deploys this repository's Terraform, environment `local`, to the local cloud."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import boto3

from buyer_stage.datalake import SURVEY_FILE, TABLES_PREFIX
from localcloud.cloud import REGION, REPOSITORY, LocalCloudError
from tools.terraform_mirror import cli_configuration, find_mirror

CODE_VERSION = "local"
STATE_BUCKET = "buyer-stage-terraform-state-local"
BACKEND = "environments/local.s3.tfbackend"
VARIABLES = "environments/local.tfvars"
INBOX = "localcloud-notifications"


@dataclass(frozen=True)
class Deployment:
    """What Terraform deployed, and the inbox that a subscriber of the alerts would read.

    Attributes:
        datalake_bucket: bucket of the data lake, which outlives any deployment and so is not Terraform's.
        pipeline_bucket: bucket of features, models, scores and code.
        table_name: the serving table.
        etl_state_machine_arn: makes the features.
        ml_state_machine_arn: scores the members.
        function_names: the deployed functions.
        inbox_url: queue subscribed to the alert topic.
    """

    datalake_bucket: str
    pipeline_bucket: str
    table_name: str
    etl_state_machine_arn: str
    ml_state_machine_arn: str
    function_names: list[str]
    inbox_url: str

    def notifications(self) -> list[dict[str, str]]:
        """Take the notifications out of the inbox: `Subject` and `Message` of each, oldest first."""
        sqs = boto3.client("sqs")
        received: list[dict[str, str]] = []
        while messages := sqs.receive_message(QueueUrl=self.inbox_url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                body = json.loads(message["Body"])
                received.append({"Subject": body["Subject"], "Message": body["Message"]})
                sqs.delete_message(QueueUrl=self.inbox_url, ReceiptHandle=message["ReceiptHandle"])
        return received


def deploy(work_folder: Path) -> Deployment:
    """Apply the Terraform configuration, make the data lake's bucket, and subscribe an inbox to the alerts.

    Args:
        work_folder: for Terraform's data and log.

    Raises:
        LocalCloudError: a command failed; the message names its log.
    """
    state = work_folder / "terraform"
    state.mkdir(parents=True, exist_ok=True)
    _run([sys.executable, "-m", "tools.package", "--out", "build/packages", "--version", CODE_VERSION], state, {})
    (state / "terraform.rc").write_text(cli_configuration(find_mirror()))
    environment = {"TF_CLI_CONFIG_FILE": str(state / "terraform.rc"), "TF_DATA_DIR": str(state / "data")}
    terraform = ["terraform", "-chdir=terraform"]
    _create_bucket(STATE_BUCKET)
    _run([*terraform, "init", "-input=false", "-no-color", f"-backend-config={BACKEND}"], state, environment)
    _run(
        [*terraform, "apply", "-auto-approve", "-input=false", "-no-color", f"-var-file={VARIABLES}"],
        state,
        environment,
    )
    described = json.loads(_run([*terraform, "output", "-json"], state, environment))
    outputs = {name: output["value"] for name, output in described.items()}
    _create_bucket(outputs["datalake_bucket"])
    return Deployment(
        datalake_bucket=outputs["datalake_bucket"],
        pipeline_bucket=outputs["pipeline_bucket"],
        table_name=outputs["table_name"],
        etl_state_machine_arn=outputs["etl_state_machine_arn"],
        ml_state_machine_arn=outputs["ml_state_machine_arn"],
        function_names=sorted(outputs["function_names"].values()),
        inbox_url=_subscribe_inbox(outputs["topic_arn"]),
    )


def upload_data_lake(folder: Path, bucket: str) -> None:
    """Copy the tables and the survey of a folder into the data lake's bucket."""
    s3 = boto3.client("s3")
    for file in sorted((folder / TABLES_PREFIX).rglob("*.parquet")):
        s3.upload_file(str(file), bucket, str(file.relative_to(folder)))
    s3.upload_file(str(folder / SURVEY_FILE), bucket, SURVEY_FILE)


def _create_bucket(name: str) -> None:
    boto3.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})


def _subscribe_inbox(topic_arn: str) -> str:
    sqs = boto3.client("sqs")
    url = sqs.create_queue(QueueName=INBOX)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    boto3.client("sns").subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=arn)
    return str(url)


def _run(command: list[str], work_folder: Path, environment: dict[str, str]) -> str:
    log = work_folder / "deploy.log"
    done = subprocess.run(
        command, cwd=REPOSITORY, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    with log.open("a") as file:
        file.write(f"$ {' '.join(command)}\n{done.stdout}{done.stderr}\n")
    if done.returncode != 0:
        errors = [line.strip("│ ") for line in done.stderr.splitlines() if "rror" in line]
        raise LocalCloudError(f"`{' '.join(command[:3])}` failed: {' '.join(errors[:3])}; see {log}")
    return done.stdout
