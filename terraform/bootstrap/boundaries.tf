locals {
  # Ceilings of permissions. A role can do what its policies and its boundary both allow, and nothing that either denies.
  boundaries = {
    # Of every role that Terraform makes for the pipelines. The apply role writes their policies, so this is also the most
    # that a workflow can do through them: use this environment's data, and administer nothing.
    boundary = {
      Bucket = { actions = ["s3:GetBucket*", "s3:ListBucket*"], resources = concat([local.pipeline_bucket_arn], local.readable_bucket_arns) }
      Objects = {
        actions   = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject*", "s3:ListMultipartUploadParts", "s3:PutObject"]
        resources = ["${local.pipeline_bucket_arn}/*"]
      }
      ReadObjects = { actions = ["s3:GetObject"], resources = [for bucket in local.readable_bucket_arns : "${bucket}/*"] }
      # The bucket keeps what a role overwrites or deletes. Only the role that forgets members deletes these versions, and
      # sets the key of the suppression list.
      Erasure = {
        actions    = ["s3:DeleteObjectVersion", "secretsmanager:PutSecretValue"]
        resources  = ["${local.pipeline_bucket_arn}/*", local.secret_arns]
        conditions = [{ test = "ArnEquals", variable = "aws:PrincipalArn", values = [local.erasure_role_arn] }]
      }
      Items = {
        actions = [
          "dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:DescribeTable", "dynamodb:GetItem",
          "dynamodb:PutItem", "dynamodb:Query", "dynamodb:Scan", "dynamodb:UpdateItem",
        ]
        resources = ["${local.arn.dynamodb}:table/${local.name_pattern}"]
      }
      Secrets = { actions = ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"], resources = [local.secret_arns] }
      Key = {
        actions   = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
        resources = [local.key_arn]
      }
      GrantKey = {
        actions   = ["kms:CreateGrant"]
        resources = [local.key_arn]
        conditions = [
          { test = "Bool", variable = "kms:GrantIsForAWSResource", values = ["true"] },
          { test = "StringEquals", variable = "kms:ViaService", values = [for service in ["ec2", "sagemaker"] : "${service}.${var.region}.amazonaws.com"] },
        ]
      }
      DecryptCode = { actions = ["kms:Decrypt"], resources = [aws_kms_key.this["bootstrap"].arn] }
      PassRoles = {
        actions   = ["iam:PassRole"]
        resources = [local.role_arns]
        conditions = [{
          test     = "StringEquals"
          variable = "iam:PassedToService"
          values   = [for service in ["ec2", "elasticmapreduce", "sagemaker"] : "${service}.amazonaws.com"]
        }]
      }
      Start = {
        actions = [
          "glue:GetJobRun*", "glue:StartJobRun", "lambda:InvokeFunction", "sns:Publish", "sqs:SendMessage",
          "states:GetExecutionHistory", "states:ListExecutions", "states:StartExecution",
        ]
        resources = [
          "${local.arn.glue}:job/${local.name_pattern}", "${local.arn.lambda}:function:${local.name_pattern}",
          "${local.arn.sns}:${local.name_pattern}", "${local.arn.sqs}:${local.name_pattern}",
          "${local.arn.states}:execution:${local.name_pattern}", "${local.arn.states}:stateMachine:${local.name_pattern}",
        ]
      }
      Events = { actions = ["events:PutEvents"], resources = ["${local.arn.events}:event-bus/${local.name_pattern}"] }
      Rules = {
        actions   = ["events:DescribeRule", "events:PutRule", "events:PutTargets"]
        resources = ["${local.arn.events}:rule/StepFunctions*"]
      }
      Jobs = {
        actions = [
          "sagemaker:AddTags", "sagemaker:AssociateTrialComponent", "sagemaker:BatchPutMetrics", "sagemaker:Create*Job*", "sagemaker:CreateExperiment",
          "sagemaker:CreateModel*", "sagemaker:CreateTrial*", "sagemaker:DeleteModel", "sagemaker:Describe*", "sagemaker:List*",
          "sagemaker:Stop*Job", "sagemaker:UpdateTrialComponent",
        ]
        resources = ["${local.arn.sagemaker}:*/${local.job_pattern}", "${local.arn.sagemaker}:*/${local.name_pattern}"]
      }
      Images = {
        actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:DescribeImages", "ecr:GetDownloadUrlForLayer"]
        resources = ["arn:aws:ecr:${var.region}:*:repository/*"] # The images of AWS are in accounts that AWS owns.
      }
      Logs = {
        actions = [
          "logs:AssociateKmsKey", "logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents",
        ]
        resources = [for group in ["*${local.name_pattern}", "/aws-glue/*", "/aws/sagemaker/*"] : "${local.arn.logs}:log-group:${group}"]
      }
      NewClusters = {
        actions    = ["elasticmapreduce:AddTags", "elasticmapreduce:RunJobFlow"]
        resources  = ["*"]
        conditions = [{ test = "StringEquals", variable = "aws:RequestTag/environment", values = [var.environment] }]
      }
      Clusters = {
        actions = [
          "elasticmapreduce:AddJobFlowSteps", "elasticmapreduce:CancelSteps", "elasticmapreduce:Describe*",
          "elasticmapreduce:TerminateJobFlows",
        ]
        resources  = ["${local.arn.elasticmapreduce}:cluster/*"]
        conditions = slice(local.cluster_has_tags, 1, 2)
      }
      # What AmazonEMRServicePolicy_v2 allows on existing machines and networks.
      Machines = {
        actions = [
          "ec2:*SecurityGroup*gress", "ec2:*Tags", "ec2:DeleteLaunchTemplate", "ec2:ModifyInstanceAttribute",
          "ec2:ModifyVpcEndpoint", "ec2:TerminateInstances",
        ]
        resources  = ["*"]
        conditions = [{ test = "StringEquals", variable = "aws:ResourceTag/for-use-with-amazon-emr-managed-policies", values = ["true"] }]
      }
      TagNewMachines = {
        actions    = ["ec2:CreateTags"]
        resources  = ["*"]
        conditions = [{ test = "StringLike", variable = "ec2:CreateAction", values = ["Create*", "RunInstances"] }]
      }
      # These actions do not support resources, or what they create has no ARN before.
      Unnamed = {
        actions = [
          "cloudwatch:PutMetricData", "ec2:CreateFleet", "ec2:CreateLaunchTemplate*", "ec2:CreateNetworkInterface*",
          "ec2:CreateSecurityGroup", "ec2:CreateVpcEndpoint", "ec2:DeleteNetworkInterface*", "ec2:Describe*", "ec2:RunInstances", "ecr:GetAuthorizationToken",
          "glue:GetSecurityConfiguration", "logs:*LogDeliver*", "logs:DescribeLogGroups", "logs:DescribeResourcePolicies",
          "logs:PutResourcePolicy", "resource-groups:ListGroupResources", "xray:GetSampling*", "xray:PutTelemetryRecords",
          "xray:PutTraceSegments",
        ]
        resources = ["*"]
      }
    }

    # Of the roles that workflows take. Their policies say what they can do; this holds whatever the policies say.
    github-boundary = merge({
      PoliciesDecide = { actions = ["*"], resources = ["*"] }
      OnlyPipelineRoles = {
        effect        = "Deny"
        actions       = ["iam:*"]
        not_resources = [local.role_arns, local.instance_profile_arns]
      }
      OnlyWithBoundary = {
        effect  = "Deny"
        actions = ["iam:AttachRolePolicy", "iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"]
        # A request without the key is denied too.
        resources  = ["*"]
        conditions = [{ test = "StringNotEquals", variable = "iam:PermissionsBoundary", values = local.within_boundary[0].values }]
      }
      # A trust policy that names the session of a role needs no policy of that role.
      NoOtherIdentity = {
        effect    = "Deny"
        actions   = ["iam:DeleteRolePermissionsBoundary", "sts:Assume*", "sts:GetFederationToken", "sts:GetSessionToken"]
        resources = ["*"]
      }
      NoKeyAdministration = {
        effect = "Deny"
        actions = [
          "kms:*Alias", "kms:*CustomKeyStore", "kms:*KeyMaterial", "kms:*KeyRotation", "kms:CreateKey", "kms:DisableKey",
          "kms:PutKeyPolicy", "kms:ReplicateKey", "kms:RevokeGrant", "kms:ScheduleKeyDeletion", "kms:TagResource", "kms:UntagResource",
          "kms:Update*",
        ]
        resources = ["*"]
      }
    }, { for sid, denial in local.prod_denials : sid => denial if var.environment == "prod" })
  }

  # In prod, no workflow deletes data, ends what protects it, or stops jobs. A person does, with other permissions. So does
  # who creates what these actions configure; see docs/deployment.md.
  prod_denials = {
    DataStays = {
      effect = "Deny"
      actions = [
        "cloudtrail:DeleteTrail", "cloudtrail:PutEventSelectors", "cloudtrail:StopLogging", "cloudtrail:UpdateTrail",
        "dynamodb:Delete*", "dynamodb:PutResourcePolicy", "dynamodb:Update*", "elasticmapreduce:TerminateJobFlows",
        "events:DeleteArchive", "events:DeleteEventBus", "events:PutPermission", "events:UpdateArchive", "glue:BatchStopJobRun", "lambda:AddPermission", "logs:*RetentionPolicy", "logs:DeleteLog*", "logs:DisassociateKmsKey", "s3:PutBucketPolicy",
        "s3:BypassGovernanceRetention", "s3:Delete*", "s3:Put*Acl", "s3:PutBucketOwnershipControls",
        "s3:PutBucketPublicAccessBlock", "s3:PutBucketVersioning", "s3:PutEncryptionConfiguration", "s3:PutLifecycleConfiguration",
        "s3:PutReplicationConfiguration", "sagemaker:DeleteModel*", "sagemaker:Stop*", "secretsmanager:DeleteSecret",
        "secretsmanager:PutSecretValue", "secretsmanager:UpdateSecret*", "states:StopExecution",
      ]
      not_resources = [local.lock_arn]
    }
    # This role can delete versions of objects, so a workflow must not decide who takes it.
    NoErasure = {
      effect = "Deny"
      actions = [
        "iam:AttachRolePolicy", "iam:CreateRole", "iam:Delete*", "iam:DetachRolePolicy", "iam:PassRole", "iam:Put*", "iam:Update*",
      ]
      resources = [local.erasure_role_arn]
    }
  }

  erasure_role_arn     = "${local.iam}:role/buyer-stage-erasure-${var.environment}" # terraform/modules/erasure makes it.
  readable_bucket_arns = concat([local.bucket_arns.code], [for name in var.datalake_buckets : "arn:aws:s3:::${name}"])
}
