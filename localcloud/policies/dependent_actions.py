"""What a service checks or does in addition to a call, with the rights of the caller or of the role that a job uses.

The local cloud checks and lists these actions like calls. The table is data, so other tools can read it without
MiniStack. An entry applies to the facts about a call:

    resource    ARN of what the call names
    request     body of the request, or the arguments of a state machine's task
    is_sync     true for a task that waits for its job (`.sync`)
    key         ARN of the key that encrypts the resource
    bucket      ARN of an object's bucket
    is_missing  true if the object does not exist
    user_agent  how the client names itself
    roles       ARNs of the roles that a request for a cluster names in another form: `service` and `instance`
    job         what the service knows about the job: `log_group`, `log_groups`, `is_logged`, `is_traced`,
                `security_configuration`, `images`, `bucket`
    account, region
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import jmespath

Acting = Literal["caller", "job"]
ACTING: Sequence[Acting] = ("caller", "job")
"""Whose rights count: those of the role that makes the call, or those of the role that the started job uses."""

Facts = Mapping[str, Any]

AUTHORIZATION = "https://docs.aws.amazon.com/service-authorization/latest/reference"


@dataclass(frozen=True)
class Requirement:
    """An action that a role must be allowed in addition to a call.

    Attributes:
        action: the action as policies spell it.
        resource: ARN of the resource.
        context: the condition keys of the check.
    """

    action: str
    resource: str
    context: dict[str, Any] = field(hash=False)


@dataclass(frozen=True)
class DependentActions:
    """Actions that a service checks in addition to a call.

    Attributes:
        call: the action of the call; `*` at its end means every action of that service that names a resource.
        actions: what the service also checks.
        source: the AWS document that says so.
        each: JMESPath expression over the facts. The actions are checked once for each value that it finds, and not at
            all if it finds none.
        resource: what the actions are checked on, with facts and the found value in braces.
        context: the condition keys of the checks, with facts in braces. Checks in the service of the call also have the
            tags of the call.
        acting: whose rights count.
    """

    call: str
    actions: Sequence[str]
    source: str
    each: str = "resource"
    resource: str = "{value}"
    context: Mapping[str, str] = field(default_factory=dict, hash=False)
    acting: Acting = "caller"

    def applies_to(self, action: str) -> bool:
        """Check whether the entry is about an action."""
        return action == self.call or (self.call.endswith("*") and action.startswith(self.call[:-1]))


def find_requirements(action: str, facts: Facts, acting: Acting = "caller") -> Iterator[Requirement]:
    """Yield what a role must be allowed in addition to a call.

    Args:
        action: the action of the call.
        facts: what is known about the call, see the docstring of the module.
        acting: whose rights to consider.
    """
    for entry in TABLE:
        if entry.acting == acting and entry.applies_to(action):
            found = jmespath.search(entry.each, facts)
            for value in found if isinstance(found, list) else [found] if found else []:
                names = {**facts, "value": as_arn(value)}
                context = {key: text.format_map(names) for key, text in entry.context.items()}
                for dependent in entry.actions:
                    yield Requirement(dependent, entry.resource.format_map(names), context)


def as_arn(name: str) -> str:
    """Return the ARN of an S3 location or of a container image's repository. Other names are returned unchanged."""
    if name.startswith("s3://"):
        return f"arn:aws:s3:::{name.removeprefix('s3://')}"
    host, _, path = name.partition("/")
    if ".dkr.ecr." in host:
        account, _, _, region = host.split(".")[:4]
        repository = path.partition("@")[0].partition(":")[0]
        return f"arn:aws:ecr:{region}:{account}:repository/{repository}"
    return name


def _passed_to(service: str) -> dict[str, str]:
    return {"iam:PassedToService": f"{service}.amazonaws.com"}


def _via(service: str) -> dict[str, str]:
    return {"kms:ViaService": f"{service}.{{region}}.amazonaws.com", "kms:CallerAccount": "{account}"}


def _grant_via(service: str) -> dict[str, str]:
    return {**_via(service), "kms:GrantIsForAWSResource": "true"}


_S3_KEYS = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html"
_S3_MISSING = "https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html"
_S3A = "https://hadoop.apache.org/docs/r3.4.1/hadoop-aws/tools/hadoop-aws/assumed_roles.html"
_DYNAMODB_KEYS = "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html"
_SECRETS_KEYS = "https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html"
_SNS_KEYS = "https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html"
_SQS_KEYS = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html"
_LAMBDA_KEYS = "https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars-encryption.html"
_FUNCTION_URLS = "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
_LAMBDA_ROLE = "https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html"
_SCHEDULER_ROLE = "https://docs.aws.amazon.com/scheduler/latest/UserGuide/setting-up.html"
_SYNC_OF_EMR = "https://docs.aws.amazon.com/step-functions/latest/dg/connect-emr.html"
_SYNC_OF_SAGEMAKER = "https://docs.aws.amazon.com/step-functions/latest/dg/connect-sagemaker.html"
_EMR_ROLES = "https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-iam-roles.html"
_GLUE_ENCRYPTION = "https://docs.aws.amazon.com/glue/latest/dg/set-up-encryption.html"
_SAGEMAKER_PERMISSIONS = "https://docs.aws.amazon.com/sagemaker/latest/dg/api-permissions-reference.html"
_SAGEMAKER_ROLES = "https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html"
_SAGEMAKER_TAGS = "https://docs.aws.amazon.com/sagemaker/latest/dg/security_iam_id-based-policy-examples.html"
_REGISTRY = "https://docs.aws.amazon.com/sagemaker/latest/dg/model-registry-version.html"
_EMR_AUTHORIZATION = f"{AUTHORIZATION}/list_amazonelasticmapreduce.html"

_GLUE_ROLE = "https://docs.aws.amazon.com/glue/latest/dg/create-an-iam-role.html"
_LAMBDA_TRACES = "https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html"
_STATES = f"{AUTHORIZATION}/list_awsstepfunctions.html"
_STATES_TRACES = "https://docs.aws.amazon.com/step-functions/latest/dg/concepts-xray-tracing.html"
_STATES_LOGS = "https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html"
_AUTOPILOT = "https://docs.aws.amazon.com/sagemaker/latest/dg/security-iam-awsmanpol.html"

_IS_S3A = "contains(user_agent, 'Hadoop')"
_LOG_GROUP = "arn:aws:logs:{region}:{account}:log-group"
_RULE = "arn:aws:events:{region}:{account}:rule"
_RULE_ACTIONS = ("events:DescribeRule", "events:PutRule", "events:PutTargets")
_TRACES = ("xray:PutTelemetryRecords", "xray:PutTraceSegments")
_TAGGING = ("AddTags", "ListTags")

AUTOPILOT_ACTIONS: Mapping[str, Sequence[str]] = {
    "automl-job": ("StopAutoMLJob",),
    "experiment": ("CreateExperiment", "DescribeExperiment", *_TAGGING),
    "experiment-trial": ("AssociateTrialComponent", "CreateTrial", "DescribeTrial", *_TAGGING),
    "experiment-trial-component": (
        "AssociateTrialComponent",
        "BatchPutMetrics",
        "CreateTrialComponent",
        "DescribeTrialComponent",
        "UpdateTrialComponent",
        *_TAGGING,
    ),
    "hyper-parameter-tuning-job": (
        "CreateHyperParameterTuningJob",
        "DescribeHyperParameterTuningJob",
        "ListTrainingJobsForHyperParameterTuningJob",
        "StopHyperParameterTuningJob",
        *_TAGGING,
    ),
    "model": ("CreateModel", "DeleteModel", "DescribeModel", *_TAGGING),
    "processing-job": ("CreateProcessingJob", "DescribeProcessingJob", "StopProcessingJob", *_TAGGING),
    "training-job": ("CreateTrainingJob", "DescribeTrainingJob", "StopTrainingJob", *_TAGGING),
    "transform-job": ("CreateTransformJob", "DescribeTransformJob", "StopTransformJob", *_TAGGING),
}
"""Kind of the resources that Autopilot creates -> what it does with them."""

# One entry is easier to read on two lines than on six.
# fmt: off
TABLE: Sequence[DependentActions] = (
    # S3. Without the right to list, S3 reports a missing object as forbidden.
    DependentActions("s3:GetObject", ("s3:ListBucket",), _S3_MISSING, each="is_missing && bucket"),
    DependentActions("s3:GetObject", ("kms:Decrypt",), _S3_KEYS, each="!is_missing && key", context=_via("s3")),
    DependentActions("s3:PutObject", ("kms:GenerateDataKey",), _S3_KEYS, each="key", context=_via("s3")),
    # EMR reads and writes s3:// by S3A since release 7.10. It uploads in parts, and lists and aborts what a failed
    # attempt left. The last request of such an upload reads the key of the first one.
    DependentActions("s3:PutObject", ("s3:ListBucketMultipartUploads",), _S3A, each=f"{_IS_S3A} && bucket"),
    DependentActions("s3:PutObject", ("s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"), _S3A,
                     each=f"{_IS_S3A} && resource"),
    DependentActions("s3:PutObject", ("kms:Decrypt",), _S3_KEYS, each=f"{_IS_S3A} && key", context=_via("s3")),

    # Other encrypted resources
    DependentActions("dynamodb:*", ("kms:Decrypt",), _DYNAMODB_KEYS, each="key", context=_via("dynamodb")),
    DependentActions("dynamodb:CreateTable",
                     ("kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey",
                      "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo"),
                     _DYNAMODB_KEYS, each="request.SSESpecification.KMSMasterKeyId", context=_grant_via("dynamodb")),
    DependentActions("secretsmanager:GetSecretValue", ("kms:Decrypt",), _SECRETS_KEYS, each="key",
                     context=_via("secretsmanager")),
    DependentActions("sns:Publish", ("kms:Decrypt", "kms:GenerateDataKey"), _SNS_KEYS, each="key", context=_via("sns")),
    DependentActions("sqs:SendMessage", ("kms:Decrypt", "kms:GenerateDataKey"), _SQS_KEYS, each="key",
                     context=_via("sqs")),

    # Lambda
    DependentActions("lambda:CreateFunction", ("iam:PassRole",), _LAMBDA_ROLE, each="request.Role",
                     context=_passed_to("lambda")),
    DependentActions("lambda:CreateFunction", ("kms:CreateGrant", "kms:Decrypt", "kms:Encrypt"), _LAMBDA_KEYS,
                     each="request.KMSKeyArn", context=_grant_via("lambda")),
    DependentActions("lambda:InvokeFunctionUrl", ("lambda:InvokeFunction",), _FUNCTION_URLS,
                     context={"lambda:InvokedViaFunctionUrl": "true"}),
    DependentActions("lambda:InvokeFunction", ("logs:CreateLogStream", "logs:PutLogEvents"), _LAMBDA_ROLE,
                     each="job.log_group", resource=f"{_LOG_GROUP}:{{value}}:*", acting="job"),
    DependentActions("lambda:InvokeFunction", _TRACES, _LAMBDA_TRACES, each="job.is_traced && resource", resource="*",
                     acting="job"),

    # CloudTrail
    DependentActions("cloudtrail:CreateTrail", ("cloudtrail:AddTags",), f"{AUTHORIZATION}/list_awscloudtrail.html",
                     each="request.TagsList[0] && resource"),

    # EventBridge Scheduler
    *(
        DependentActions(f"scheduler:{call}", ("iam:PassRole",), _SCHEDULER_ROLE, each="request.Target.RoleArn",
                         context=_passed_to("scheduler"))
        for call in ("CreateSchedule", "UpdateSchedule")
    ),

    # Step Functions
    *(
        entry
        for call in ("states:CreateStateMachine", "states:UpdateStateMachine")
        for entry in (
            DependentActions(call, ("iam:PassRole",), _STATES, each="request.roleArn", context=_passed_to("states")),
            DependentActions(call, ("states:PublishStateMachineVersion",), _STATES, each="request.publish && resource"),
        )
    ),
    DependentActions("states:StartExecution", ("xray:GetSamplingRules", "xray:GetSamplingTargets", *_TRACES),
                     _STATES_TRACES, each="job.is_traced && resource", resource="*", acting="job"),
    DependentActions("states:StartExecution",
                     ("logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DescribeLogGroups",
                      "logs:DescribeResourcePolicies", "logs:GetLogDelivery", "logs:ListLogDeliveries",
                      "logs:PutResourcePolicy", "logs:UpdateLogDelivery"),
                     _STATES_LOGS, each="job.is_logged && resource", resource="*", acting="job"),

    # EMR
    DependentActions("elasticmapreduce:RunJobFlow", ("elasticmapreduce:AddTags",), _EMR_AUTHORIZATION,
                     each="request.Tags[0] && resource",
                     resource="arn:aws:elasticmapreduce:{region}:{account}:cluster/*"),
    DependentActions("elasticmapreduce:RunJobFlow", ("iam:PassRole",), _EMR_ROLES, each="roles.service",
                     context=_passed_to("elasticmapreduce")),
    DependentActions("elasticmapreduce:RunJobFlow", ("iam:PassRole",), _EMR_ROLES, each="roles.instance",
                     context=_passed_to("ec2")),

    # Tasks that wait (.sync). They learn from EventBridge that their job has ended, look at it, and stop it with the
    # execution. Step Functions also tags transform jobs.
    *(
        DependentActions(f"elasticmapreduce:{call}", _RULE_ACTIONS, _SYNC_OF_EMR, each="is_sync && resource",
                         resource=f"{_RULE}/StepFunctionsGetEventForEMR{call}Rule")
        for call in ("AddJobFlowSteps", "RunJobFlow", "TerminateJobFlows")
    ),
    DependentActions("elasticmapreduce:AddJobFlowSteps",
                     ("elasticmapreduce:CancelSteps", "elasticmapreduce:DescribeStep"), _SYNC_OF_EMR,
                     each="is_sync && resource"),
    DependentActions("elasticmapreduce:TerminateJobFlows", ("elasticmapreduce:DescribeCluster",), _SYNC_OF_EMR,
                     each="is_sync && resource"),
    DependentActions("sagemaker:CreateTransformJob",
                     ("sagemaker:AddTags", "sagemaker:DescribeTransformJob", "sagemaker:ListTags",
                      "sagemaker:StopTransformJob"),
                     _SYNC_OF_SAGEMAKER, each="is_sync && resource"),
    DependentActions("sagemaker:CreateTransformJob", _RULE_ACTIONS, _SYNC_OF_SAGEMAKER, each="is_sync && resource",
                     resource=f"{_RULE}/StepFunctionsGetEventsForSageMakerTransformJobsRule"),

    # Glue
    DependentActions("glue:StartJobRun", ("glue:GetSecurityConfiguration",), _GLUE_ENCRYPTION,
                     each="job.security_configuration", resource="*", acting="job"),
    DependentActions("glue:StartJobRun", ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"),
                     _GLUE_ROLE, each="job.log_groups", resource=f"{_LOG_GROUP}:{{value}}/output:*", acting="job"),
    DependentActions("glue:StartJobRun", ("cloudwatch:PutMetricData",), _GLUE_ROLE, resource="*",
                     context={"cloudwatch:namespace": "Glue"}, acting="job"),

    # SageMaker, for the caller
    *(
        DependentActions(f"sagemaker:{call}", ("sagemaker:AddTags",), _SAGEMAKER_TAGS,
                         each="request.Tags[0] && resource", context={"sagemaker:TaggingAction": call})
        for call in ("CreateAutoMLJobV2", "CreateModel", "CreateModelPackage", "CreateModelPackageGroup",
                     "CreateTransformJob")
    ),
    DependentActions("sagemaker:CreateAutoMLJobV2", ("iam:PassRole",), _SAGEMAKER_PERMISSIONS, each="request.RoleArn",
                     context=_passed_to("sagemaker")),
    DependentActions("sagemaker:CreateModel", ("iam:PassRole",), _SAGEMAKER_PERMISSIONS,
                     each="request.ExecutionRoleArn", context=_passed_to("sagemaker")),
    # The registry reads the images and the model data of a version with the rights of the caller.
    DependentActions("sagemaker:CreateModelPackage", ("ecr:BatchGetImage", "ecr:DescribeImages"), _REGISTRY,
                     each="request.InferenceSpecification.Containers[].Image"),
    DependentActions("sagemaker:CreateModelPackage", ("s3:GetObject",), _REGISTRY,
                     each="request.InferenceSpecification.Containers[].ModelDataUrl"),
    # The versions of a group are resources of their own, which can decide on both calls.
    *(
        DependentActions(f"sagemaker:{call}", (f"sagemaker:{call}",), _REGISTRY, each="request.ModelPackageGroupName",
                         resource="arn:aws:sagemaker:{region}:{account}:model-package/{value}/*")
        for call in ("CreateModelPackage", "ListModelPackages")
    ),

    # SageMaker, for the caller and the job: a grant lets the job use the key of its volumes.
    *(
        DependentActions(f"sagemaker:{call}", ("kms:CreateGrant", "kms:DescribeKey"), _SAGEMAKER_PERMISSIONS, each=key,
                         context=_grant_via("sagemaker"), acting=acting)
        for call, key in (("CreateAutoMLJobV2", "request.SecurityConfig.VolumeKmsKeyId"),
                          ("CreateTransformJob", "request.TransformResources.VolumeKmsKeyId"))
        for acting in ACTING
    ),

    # SageMaker, for the job: it pulls its images, and writes its log and metrics.
    *(
        entry
        for call, kind, name in (("sagemaker:CreateAutoMLJobV2", "TrainingJobs", "request[AutoMLJobName]"),
                                 ("sagemaker:CreateTransformJob", "TransformJobs", "request[TransformJobName]"))
        for entry in (
            DependentActions(call, ("ecr:GetAuthorizationToken",), _SAGEMAKER_ROLES, resource="*", acting="job"),
            DependentActions(call, ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage",
                                    "ecr:GetDownloadUrlForLayer"),
                             _SAGEMAKER_ROLES, each="job.images", acting="job"),
            DependentActions(call, ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams",
                                    "logs:PutLogEvents"),
                             _SAGEMAKER_ROLES,
                             resource=f"{_LOG_GROUP}:/aws/sagemaker/{kind}:log-stream:{{{name}}}/any", acting="job"),
            DependentActions(call, ("cloudwatch:PutMetricData",), _SAGEMAKER_ROLES, resource="*",
                             context={"cloudwatch:namespace": f"/aws/sagemaker/{kind}"}, acting="job"),
        )
    ),
    # Autopilot starts jobs with names that begin with its own, and keeps them as trials of an experiment. AWS documents
    # only a managed policy that allows nearly everything, so these are the actions that such jobs have.
    *(
        DependentActions("sagemaker:CreateAutoMLJobV2", tuple(f"sagemaker:{action}" for action in actions), _AUTOPILOT,
                         resource=f"arn:aws:sagemaker:{{region}}:{{account}}:{kind}/{{request[AutoMLJobName]}}-any",
                         acting="job")
        for kind, actions in AUTOPILOT_ACTIONS.items()
    ),
    DependentActions("sagemaker:CreateAutoMLJobV2", ("iam:PassRole",), _SAGEMAKER_PERMISSIONS, each="request.RoleArn",
                     context=_passed_to("sagemaker"), acting="job"),
    DependentActions("sagemaker:CreateAutoMLJobV2", ("s3:GetBucketLocation",), _AUTOPILOT, each="job.bucket",
                     acting="job"),
    DependentActions("sagemaker:CreateAutoMLJobV2", ("s3:AbortMultipartUpload",), _AUTOPILOT,
                     each="request.OutputDataConfig.S3OutputPath", resource="{value}any", acting="job"),
)
# fmt: on
