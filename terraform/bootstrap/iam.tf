locals {
  # Patterns of the names of the environment's resources, for services whose ARNs contain the name.
  name_pattern     = "buyer-stage-*${var.environment}*"
  database_pattern = "buyer_stage_*${var.environment}*" # Names of Glue databases cannot contain dashes.

  iam = "arn:aws:iam::${local.account_id}"
  arn = { # Prefix of ARNs in this account and Region, by service.
    for service in [
      "athena", "cloudtrail", "cloudwatch", "dynamodb", "elasticmapreduce", "events", "glue", "lambda", "logs", "sagemaker",
      "scheduler", "secretsmanager", "sns", "sqs", "states",
    ] : service => "arn:aws:${service}:${var.region}:${local.account_id}"
  }
  dashboard           = "arn:aws:cloudwatch::${local.account_id}:dashboard/${local.name_pattern}"
  budget              = "arn:aws:budgets::${local.account_id}:budget/${local.name_pattern}"
  pipeline_bucket_arn = "arn:aws:s3:::${local.names.pipeline_bucket}"

  # Buckets that the main configuration creates: data, and the log of who read it.
  terraform_bucket_arns = [local.pipeline_bucket_arn, "arn:aws:s3:::${local.names.audit_bucket}"]
  lock_arn              = "${local.bucket_arns.state}/${local.state_key}.tflock"
  log_group_arns        = [for group in ["*${local.name_pattern}", "/aws/sagemaker/*"] : "${local.arn.logs}:log-group:${group}"]
  job_pattern           = "buy-${var.environment}-*" # SageMaker jobs and models, as buyer_stage/domain/job_names.py spells them.
  via_deployed_services = [{
    test     = "StringEquals"
    variable = "kms:ViaService"
    values   = [for service in ["dynamodb", "lambda", "scheduler", "secretsmanager"] : "${service}.${var.region}.amazonaws.com"]
  }]
  # Only roles and instance profiles that Terraform makes for the pipelines end with the environment.
  role_arns             = "${local.iam}:role/buyer-stage-*-${var.environment}"
  instance_profile_arns = "${local.iam}:instance-profile/buyer-stage-*-${var.environment}"
  secret_arns           = "${local.arn.secretsmanager}:secret:${local.name_pattern}"
  bus_arns              = [for kind in ["archive", "event-bus"] : "${local.arn.events}:${kind}/${local.name_pattern}"]
  trail_arns            = "${local.arn.cloudtrail}:trail/${local.name_pattern}"
  key_arn               = aws_kms_key.this["environment"].arn
  # Clusters have no names. Policies identify them by the provider's default tags.
  cluster_has_tags = [
    { test = "StringEquals", variable = "aws:ResourceTag/product", values = [var.product] },
    { test = "StringEquals", variable = "aws:ResourceTag/environment", values = [var.environment] },
  ]
  within_boundary = [
    { test = "StringEquals", variable = "iam:PermissionsBoundary", values = ["${local.iam}:policy/${local.names.boundary}"] },
  ]

  # Statements by policy. A managed policy is limited to 6,144 characters, so there are several.
  statements = {
    backend = {
      ReadState   = { actions = ["s3:GetObject"], resources = ["${local.bucket_arns.state}/${local.state_key}"] }
      ReadCode    = { actions = ["s3:GetObject"], resources = ["${local.bucket_arns.code}/${local.layout.code}*"] }
      ListBuckets = { actions = ["s3:ListBucket"], resources = values(local.bucket_arns) }
      Decrypt     = { actions = ["kms:Decrypt"], resources = [aws_kms_key.this["bootstrap"].arn] }
    }

    lock = {
      LockState = { actions = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"], resources = [local.lock_arn] }
      Encrypt   = { actions = ["kms:GenerateDataKey"], resources = [aws_kms_key.this["bootstrap"].arn] }
    }

    # Terraform reads the settings of resources but never their content: no items, objects, log events or rows.
    read = {
      Buckets = {
        actions = [
          "s3:GetAccelerateConfiguration", "s3:GetBucket*", "s3:GetEncryptionConfiguration",
          "s3:GetLifecycleConfiguration", "s3:GetReplicationConfiguration", "s3:ListBucket",
        ]
        resources = local.terraform_bucket_arns
      }
      Key = { actions = ["kms:DescribeKey"], resources = [local.key_arn] }
      Tables = {
        actions = [
          "dynamodb:DescribeContinuousBackups", "dynamodb:DescribeTable", "dynamodb:DescribeTimeToLive",
          "dynamodb:GetResourcePolicy", "dynamodb:ListTagsOfResource",
        ]
        resources = ["${local.arn.dynamodb}:table/${local.name_pattern}"]
      }
      Functions = {
        actions = [
          "lambda:GetAlias", "lambda:GetFunction", "lambda:GetFunctionCodeSigningConfig", "lambda:GetFunctionConfiguration",
          "lambda:GetFunctionUrlConfig", "lambda:GetLayerVersion", "lambda:GetPolicy", "lambda:ListTags", "lambda:ListVersionsByFunction",
        ]
        resources = ["${local.arn.lambda}:function:${local.name_pattern}", "${local.arn.lambda}:layer:${local.name_pattern}"]
      }
      StateMachines = {
        actions = [
          "states:DescribeStateMachine", "states:DescribeStateMachineAlias", "states:ListStateMachineAliases",
          "states:ListStateMachineVersions", "states:ListTagsForResource",
        ]
        resources = ["${local.arn.states}:stateMachine:${local.name_pattern}"]
      }
      Schedules = {
        actions = ["scheduler:GetSchedule", "scheduler:GetScheduleGroup", "scheduler:ListTagsForResource"]
        resources = [
          "${local.arn.scheduler}:schedule/${local.name_pattern}/${local.name_pattern}", "${local.arn.scheduler}:schedule-group/${local.name_pattern}",
        ]
      }
      Topics = {
        actions   = ["sns:GetTopicAttributes", "sns:ListTagsForResource"]
        resources = ["${local.arn.sns}:${local.name_pattern}"]
      }
      Secrets = { actions = ["secretsmanager:DescribeSecret", "secretsmanager:GetResourcePolicy"], resources = [local.secret_arns] }
      Trails = {
        actions   = ["cloudtrail:GetEventSelectors", "cloudtrail:GetInsightSelectors", "cloudtrail:GetTrail", "cloudtrail:GetTrailStatus", "cloudtrail:ListTags"]
        resources = [local.trail_arns]
      }
      Queues = { actions = ["sqs:GetQueueAttributes", "sqs:ListQueueTags"], resources = ["${local.arn.sqs}:${local.name_pattern}"] }
      Glue = {
        actions = ["glue:GetDatabase", "glue:GetJob", "glue:GetPartitionIndexes", "glue:GetTable", "glue:GetTags"]
        resources = [
          "${local.arn.glue}:catalog", "${local.arn.glue}:database/${local.database_pattern}",
          "${local.arn.glue}:job/${local.name_pattern}", "${local.arn.glue}:table/${local.database_pattern}/*",
        ]
      }
      Queries = {
        actions   = ["athena:GetNamedQuery", "athena:GetWorkGroup", "athena:ListTagsForResource"]
        resources = ["${local.arn.athena}:workgroup/${local.name_pattern}"]
      }
      ModelPackageGroups = {
        actions   = ["sagemaker:DescribeModelPackageGroup", "sagemaker:ListTags"]
        resources = ["${local.arn.sagemaker}:model-package-group/${local.name_pattern}"]
      }
      Logs       = { actions = ["logs:ListTagsForResource"], resources = local.log_group_arns }
      Rules      = { actions = ["events:DescribeRule", "events:ListTagsForResource", "events:ListTargetsByRule"], resources = ["${local.arn.events}:rule/${local.name_pattern}"] }
      Buses      = { actions = ["events:DescribeArchive", "events:DescribeEventBus", "events:ListTagsForResource"], resources = local.bus_arns }
      Alarms     = { actions = ["cloudwatch:DescribeAlarms", "cloudwatch:ListTagsForResource"], resources = ["${local.arn.cloudwatch}:alarm:${local.name_pattern}"] }
      Dashboards = { actions = ["cloudwatch:GetDashboard"], resources = [local.dashboard] }
      Budgets    = { actions = ["budgets:ListTagsForResource", "budgets:ViewBudget"], resources = [local.budget] }
      Roles = {
        actions = [
          "iam:GetInstanceProfile", "iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies",
          "iam:ListInstanceProfilesForRole", "iam:ListRolePolicies",
        ]
        resources = [local.instance_profile_arns, local.role_arns]
      }
      # These actions do not support resources. The last one validates a definition before the state machine exists.
      Unnamed = {
        actions = [
          "cloudtrail:DescribeTrails", "elasticmapreduce:DescribeSecurityConfiguration", "glue:GetSecurityConfiguration", "kms:ListAliases",
          "logs:DescribeLogGroups", "logs:DescribeQueryDefinitions", "sns:GetSubscriptionAttributes",
          "states:ValidateStateMachineDefinition",
        ]
        resources = ["*"]
      }
    }

    change-data = {
      WriteState = { actions = ["s3:PutObject"], resources = ["${local.bucket_arns.state}/${local.state_key}"] }
      Buckets = {
        actions = [
          "s3:CreateBucket", "s3:DeleteBucket", "s3:DeleteBucketPolicy", "s3:PutBucketPolicy", "s3:PutBucketPublicAccessBlock",
          "s3:PutBucketTagging", "s3:PutBucketVersioning", "s3:PutEncryptionConfiguration", "s3:PutLifecycleConfiguration",
        ]
        resources = local.terraform_bucket_arns
      }
      # These services use the key on behalf of the role that deploys.
      UseKey = {
        actions = [
          "kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom",
          "kms:ReEncryptTo",
        ]
        resources  = [local.key_arn]
        conditions = local.via_deployed_services
      }
      GrantKey = {
        actions    = ["kms:CreateGrant"]
        resources  = [local.key_arn]
        conditions = concat(local.via_deployed_services, [{ test = "Bool", variable = "kms:GrantIsForAWSResource", values = ["true"] }])
      }
      # The commands that forget members set the value.
      Secrets = {
        actions   = ["secretsmanager:CreateSecret", "secretsmanager:DeleteSecret", "secretsmanager:TagResource", "secretsmanager:UntagResource", "secretsmanager:UpdateSecret"]
        resources = [local.secret_arns]
      }
      Trails = {
        actions = [
          "cloudtrail:AddTags", "cloudtrail:CreateTrail", "cloudtrail:DeleteTrail", "cloudtrail:PutEventSelectors",
          "cloudtrail:RemoveTags", "cloudtrail:StartLogging", "cloudtrail:StopLogging", "cloudtrail:UpdateTrail",
        ]
        resources = [local.trail_arns]
      }
      Tables = {
        actions = [
          "dynamodb:CreateTable", "dynamodb:DeleteResourcePolicy", "dynamodb:DeleteTable", "dynamodb:PutResourcePolicy",
          "dynamodb:TagResource", "dynamodb:UntagResource", "dynamodb:UpdateContinuousBackups", "dynamodb:UpdateTable", "dynamodb:UpdateTimeToLive",
        ]
        resources = ["${local.arn.dynamodb}:table/${local.name_pattern}"]
      }
      Glue = {
        actions = [
          "glue:CreateDatabase", "glue:CreateJob", "glue:CreateTable", "glue:DeleteDatabase", "glue:DeleteJob",
          "glue:DeleteTable", "glue:TagResource", "glue:UntagResource", "glue:UpdateDatabase", "glue:UpdateJob",
          "glue:UpdateTable",
        ]
        resources = [
          "${local.arn.glue}:catalog", "${local.arn.glue}:database/${local.database_pattern}", "${local.arn.glue}:job/${local.name_pattern}",
          "${local.arn.glue}:table/${local.database_pattern}/*", "${local.arn.glue}:userDefinedFunction/${local.database_pattern}/*",
        ]
      }
      Queries = {
        actions = [
          "athena:CreateNamedQuery", "athena:CreateWorkGroup", "athena:DeleteNamedQuery", "athena:DeleteWorkGroup",
          "athena:TagResource", "athena:UntagResource", "athena:UpdateNamedQuery", "athena:UpdateWorkGroup",
        ]
        resources = ["${local.arn.athena}:workgroup/${local.name_pattern}"]
      }
      ModelPackageGroups = {
        actions = [
          "sagemaker:AddTags", "sagemaker:CreateModelPackageGroup", "sagemaker:DeleteModelPackageGroup", "sagemaker:DeleteTags",
        ]
        resources = ["${local.arn.sagemaker}:model-package-group/${local.name_pattern}"]
      }
    }

    change-compute = {
      Functions = {
        actions = [
          "lambda:CreateAlias", "lambda:CreateFunction", "lambda:DeleteAlias", "lambda:DeleteFunction",
          "lambda:DeleteFunctionConcurrency", "lambda:DeleteFunctionUrlConfig", "lambda:DeleteLayerVersion",
          "lambda:PublishLayerVersion", "lambda:PublishVersion", "lambda:PutFunctionConcurrency",
          "lambda:RemovePermission", "lambda:TagResource", "lambda:UntagResource", "lambda:UpdateAlias", "lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration",
        ]
        resources = ["${local.arn.lambda}:function:${local.name_pattern}", "${local.arn.lambda}:layer:${local.name_pattern}"]
      }
      # Only callers with a signature, whom a permission names.
      FunctionUrls = {
        actions    = ["lambda:CreateFunctionUrlConfig", "lambda:UpdateFunctionUrlConfig"]
        resources  = ["${local.arn.lambda}:function:${local.name_pattern}"]
        conditions = [{ test = "StringEquals", variable = "lambda:FunctionUrlAuthType", values = ["AWS_IAM"] }]
      }
      FunctionReaders = {
        actions    = ["lambda:AddPermission"]
        resources  = ["${local.arn.lambda}:function:${local.name_pattern}"]
        conditions = [{ test = "ArnLike", variable = "lambda:Principal", values = ["arn:aws:iam::*:role/*", "arn:aws:iam::*:user/*"] }]
      }
      StateMachines = {
        actions = [
          "states:CreateStateMachine", "states:CreateStateMachineAlias", "states:DeleteStateMachine",
          "states:DeleteStateMachineAlias", "states:DeleteStateMachineVersion", "states:PublishStateMachineVersion",
          "states:TagResource", "states:UntagResource", "states:UpdateStateMachine", "states:UpdateStateMachineAlias",
        ]
        resources = ["${local.arn.states}:stateMachine:${local.name_pattern}"]
      }
      Schedules = {
        actions = [
          "scheduler:CreateSchedule", "scheduler:CreateScheduleGroup", "scheduler:DeleteSchedule",
          "scheduler:DeleteScheduleGroup", "scheduler:TagResource", "scheduler:UntagResource", "scheduler:UpdateSchedule",
        ]
        resources = [
          "${local.arn.scheduler}:schedule/${local.name_pattern}/${local.name_pattern}", "${local.arn.scheduler}:schedule-group/${local.name_pattern}",
        ]
      }
      Topics = {
        actions = [
          "sns:CreateTopic", "sns:DeleteTopic", "sns:SetTopicAttributes", "sns:Subscribe", "sns:TagResource",
          "sns:UntagResource",
        ]
        resources = ["${local.arn.sns}:${local.name_pattern}"]
      }
      Queues = {
        actions   = ["sqs:CreateQueue", "sqs:DeleteQueue", "sqs:SetQueueAttributes", "sqs:TagQueue", "sqs:UntagQueue"]
        resources = ["${local.arn.sqs}:${local.name_pattern}"]
      }
      Rules = {
        actions = [
          "events:DeleteRule", "events:PutRule", "events:PutTargets", "events:RemoveTargets", "events:TagResource",
          "events:UntagResource",
        ]
        resources = ["${local.arn.events}:rule/${local.name_pattern}"]
      }
      Buses = {
        actions = [
          "events:CreateArchive", "events:CreateEventBus", "events:DeleteArchive", "events:DeleteEventBus", "events:PutPermission",
          "events:RemovePermission", "events:TagResource", "events:UntagResource", "events:UpdateArchive", "events:UpdateEventBus",
        ]
        resources = local.bus_arns
      }
      LogGroups = {
        actions = [
          "logs:AssociateKmsKey", "logs:CreateLogGroup", "logs:DeleteLogGroup", "logs:DisassociateKmsKey",
          "logs:PutRetentionPolicy", "logs:TagResource", "logs:UntagResource",
        ]
        resources = local.log_group_arns
      }
      Alarms = {
        actions = [
          "cloudwatch:DeleteAlarms", "cloudwatch:PutMetricAlarm", "cloudwatch:TagResource", "cloudwatch:UntagResource",
        ]
        resources = ["${local.arn.cloudwatch}:alarm:${local.name_pattern}"]
      }
      Dashboards = { actions = ["cloudwatch:DeleteDashboards", "cloudwatch:PutDashboard"], resources = [local.dashboard] }
      Budgets    = { actions = ["budgets:ModifyBudget", "budgets:TagResource", "budgets:UntagResource"], resources = [local.budget] }
      # These actions do not support resources.
      Unnamed = {
        actions = [
          "elasticmapreduce:CreateSecurityConfiguration", "elasticmapreduce:DeleteSecurityConfiguration",
          "glue:CreateSecurityConfiguration", "glue:DeleteSecurityConfiguration", "logs:DeleteQueryDefinition",
          "logs:PutQueryDefinition", "sns:SetSubscriptionAttributes", "sns:Unsubscribe",
        ]
        resources = ["*"]
      }
    }

    change-roles = {
      # These actions work only on roles that have the boundary, and nothing removes a boundary.
      RolesAndInlinePolicies = {
        actions = [
          "iam:CreateRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy", "iam:PutRolePermissionsBoundary",
          "iam:PutRolePolicy",
        ]
        resources  = [local.role_arns]
        conditions = local.within_boundary
      }
      ManagedPoliciesOfRoles = {
        actions   = ["iam:AttachRolePolicy"]
        resources = [local.role_arns]
        conditions = concat(local.within_boundary, [{
          test     = "ArnEquals"
          variable = "iam:PolicyARN"
          values   = ["arn:aws:iam::aws:policy/service-role/AmazonEMRServicePolicy_v2"]
        }])
      }
      OtherRoleChanges = {
        actions = [
          "iam:DeleteRole", "iam:TagRole", "iam:UntagRole", "iam:UpdateAssumeRolePolicy", "iam:UpdateRole",
          "iam:UpdateRoleDescription",
        ]
        resources = [local.role_arns]
      }
      InstanceProfiles = {
        actions = [
          "iam:AddRoleToInstanceProfile", "iam:CreateInstanceProfile", "iam:DeleteInstanceProfile",
          "iam:RemoveRoleFromInstanceProfile", "iam:TagInstanceProfile", "iam:UntagInstanceProfile",
        ]
        resources = [local.instance_profile_arns]
      }
      PassRoles = {
        actions   = ["iam:PassRole"]
        resources = [local.role_arns]
        conditions = [{
          test     = "StringEquals"
          variable = "iam:PassedToService"
          values   = [for service in ["ec2", "glue", "lambda", "scheduler", "states"] : "${service}.amazonaws.com"]
        }]
      }
    }

    # Make targets other than plan and apply: publish, start-etl, start-ml, rollback, rollback-scores, delete-model,
    # destroy. The last one looks for what is in its way. None of them reads data: the ML pipeline itself finds the state
    # that rollback-scores brings back, and refuses one that is not kept.
    operate = {
      PublishCode = {
        actions   = ["s3:PutObject"]
        resources = ["${local.bucket_arns.code}/${local.layout.code}*", "${local.bucket_arns.code}/${local.layout.certificates}*"]
      }
      FindCertificate = { actions = ["s3:GetObject"], resources = ["${local.bucket_arns.code}/${local.layout.certificates}*"] }
      FindStateMachines = {
        actions   = ["states:ListStateMachines"]
        resources = ["*"] # Step Functions does not support resources for this action.
      }
      StartExecutions = { actions = ["states:StartExecution"], resources = ["${local.arn.states}:stateMachine:${local.name_pattern}"] }
      FindExecutions  = { actions = ["states:ListExecutions"], resources = ["${local.arn.states}:stateMachine:${local.name_pattern}"] }
      FollowExecutions = {
        actions   = ["states:DescribeExecution", "states:GetExecutionHistory"]
        resources = ["${local.arn.states}:execution:${local.name_pattern}"]
      }
      FindRuns    = { actions = ["glue:GetJobRuns"], resources = ["${local.arn.glue}:job/${local.name_pattern}"] }
      FindObjects = { actions = ["s3:ListBucketVersions"], resources = local.terraform_bucket_arns }
      # These actions do not support resources.
      Unnamed = {
        actions   = ["elasticmapreduce:ListClusters", "sagemaker:ListAutoMLJobs", "sagemaker:ListTransformJobs"]
        resources = ["*"]
      }
      Models = {
        actions = [
          "sagemaker:DeleteModel", "sagemaker:DeleteModelPackage", "sagemaker:DescribeAutoMLJobV2", "sagemaker:DescribeModel",
          "sagemaker:DescribeModelPackage", "sagemaker:ListModelPackages", "sagemaker:UpdateModelPackage",
        ]
        resources = [
          "${local.arn.sagemaker}:model-package-group/${local.name_pattern}", "${local.arn.sagemaker}:model-package/${local.name_pattern}/*",
          "${local.arn.sagemaker}:model/${local.job_pattern}", "${local.arn.sagemaker}:automl-job/${local.job_pattern}",
        ]
      }
      # The bucket keeps the old versions for a while.
      DeleteModelOutput = {
        actions   = ["s3:DeleteObject"]
        resources = ["${local.pipeline_bucket_arn}/${local.layout.automl_output}*"]
      }
    }

    # What `make destroy` removes before Terraform deletes the rest.
    destroy = {
      StopExecutions = { actions = ["states:StopExecution"], resources = ["${local.arn.states}:execution:${local.name_pattern}"] }
      StopClusters = {
        actions    = ["elasticmapreduce:TerminateJobFlows"]
        resources  = ["${local.arn.elasticmapreduce}:cluster/*"]
        conditions = local.cluster_has_tags
      }
      StopJobs = {
        actions   = ["sagemaker:StopAutoMLJob", "sagemaker:StopTransformJob"]
        resources = [for kind in ["automl-job", "transform-job"] : "${local.arn.sagemaker}:${kind}/${local.job_pattern}"]
      }
      StopRuns = { actions = ["glue:BatchStopJobRun"], resources = ["${local.arn.glue}:job/${local.name_pattern}"] }
      DeleteObjects = {
        actions   = ["s3:DeleteObject", "s3:DeleteObjectVersion"]
        resources = [for bucket in local.terraform_bucket_arns : "${bucket}/*"]
      }
    }
  }

  # A pull request's own code runs with its role, so the role cannot block deployments with a lock.
  policies_of_roles = {
    for role, policies in {
      plan         = ["backend", "lock", "read"]
      pull-request = ["backend", "read"]
      apply        = keys(local.statements)
    } : role => policies if contains(keys(local.names.roles), role)
  }

  # Tokens of a repository that was created, renamed or transferred after July 15, 2026 name it as ORG@ID/REPOSITORY@ID
  # (GitHub's "OpenID Connect reference", section "Immutable subject claims"). A role accepts one form only: with ids
  # known, a name alone is not enough, because another owner can take a name over.
  github_repository = join("/", [
    for index, name in split("/", var.github_repository) :
    var.github_repository_ids == null ? name : "${name}@${split("/", var.github_repository_ids)[index]}"
  ])

  # Context of GitHub's tokens that can take each role. Only jobs of the GitHub environment can apply, after GitHub has
  # checked the environment's rules. Plans of main run before that, because reviewers need them.
  contexts = { plan = "ref:refs/heads/main", pull-request = "pull_request", apply = "environment:${var.environment}" }
}

resource "aws_iam_openid_connect_provider" "github" {
  count = var.github_oidc_provider_arn == null ? 1 : 0

  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]
}

locals {
  github_oidc_provider_arn = one(concat(aws_iam_openid_connect_provider.github[*].arn, compact([var.github_oidc_provider_arn])))
}

data "aws_iam_policy_document" "assume" {
  for_each = local.names.roles

  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [local.github_oidc_provider_arn]
    }

    condition {
      test     = "StringEquals"
      variable = "token.actions.githubusercontent.com:aud"
      values   = ["sts.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "token.actions.githubusercontent.com:sub"
      values   = ["repo:${local.github_repository}:${local.contexts[each.key]}"]
    }
  }
}

resource "aws_iam_role" "github" {
  for_each = local.names.roles

  name                 = each.value
  description          = "Role that workflows of ${var.github_repository} take to ${each.key} ${var.environment}."
  assume_role_policy   = data.aws_iam_policy_document.assume[each.key].json
  permissions_boundary = aws_iam_policy.this["github-boundary"].arn
  max_session_duration = 14400 # 4 hours: a workflow waits for the end of an execution that trains a model.
}

data "aws_iam_policy_document" "this" {
  # checkov:skip=CKV_AWS_111:"*" is used only where a service does not support resources, or with a condition on tags.
  # checkov:skip=CKV_AWS_356:"*" is used only where a service does not support resources, or with a condition on tags.
  # checkov:skip=CKV_AWS_109:The policies limit role changes by name and by the boundary.
  for_each = merge(local.statements, local.boundaries)

  dynamic "statement" {
    for_each = each.value

    content {
      sid           = statement.key
      effect        = try(statement.value.effect, "Allow")
      actions       = statement.value.actions
      resources     = try(statement.value.resources, null)
      not_resources = try(statement.value.not_resources, null)

      dynamic "condition" {
        for_each = try(statement.value.conditions, [])

        content {
          test     = condition.value.test
          variable = condition.value.variable
          values   = condition.value.values
        }
      }
    }
  }
}

resource "aws_iam_policy" "this" {
  for_each = data.aws_iam_policy_document.this

  name        = each.key == "boundary" ? local.names.boundary : "buyer-stage-github-${var.environment}-${trimprefix(each.key, "github-")}"
  description = each.key == "boundary" ? "Limits every role of the pipelines in ${var.environment}." : "Workflows of GitHub in ${var.environment}: ${each.key}."
  policy      = each.value.minified_json
}

resource "aws_iam_role_policy_attachment" "github" {
  for_each = merge([
    for role, policies in local.policies_of_roles : { for policy in policies : "${role}/${policy}" => { role = role, policy = policy } }
  ]...)

  role       = aws_iam_role.github[each.value.role].name
  policy_arn = aws_iam_policy.this[each.value.policy].arn
}
