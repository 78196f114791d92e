locals {
  bucket_arn = "arn:aws:s3:::${var.pipeline_bucket}"
  sagemaker  = "arn:aws:sagemaker:${local.region}:${local.account_id}"
  log_groups = "arn:aws:logs:${local.region}:${local.account_id}:log-group:/aws/sagemaker/*"

  sagemaker_roles = { for use in ["autopilot", "model"] : use => "buyer-stage-${use}-${var.environment}" }
}

data "aws_iam_policy_document" "state_machine" {
  statement {
    sid       = "InvokeFunctions"
    actions   = ["lambda:InvokeFunction"]
    resources = [for arn in values(var.function_arns) : "${arn}:*"] # Each version of the state machine calls one version of each function.
  }
}

# What both roles do: every SageMaker job reads and writes encrypted data, joins a network, pulls images and logs.
data "aws_iam_policy_document" "sagemaker_job" {
  statement {
    sid       = "ListBucket"
    actions   = ["s3:ListBucket"]
    resources = [local.bucket_arn]
  }

  statement {
    sid       = "UseKey"
    actions   = ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"]
    resources = [var.kms_key_arn]
  }

  statement {
    sid       = "GrantKey"
    actions   = ["kms:CreateGrant"]
    resources = [var.kms_key_arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["sagemaker.${local.region}.amazonaws.com"]
    }
  }

  dynamic "statement" {
    for_each = length(var.sagemaker_vpc.subnet_ids) == 0 ? [] : ["in a VPC"]

    content {
      sid = "JoinNetwork"
      actions = [
        "ec2:CreateNetworkInterface",
        "ec2:CreateNetworkInterfacePermission",
        "ec2:DeleteNetworkInterface",
        "ec2:DeleteNetworkInterfacePermission",
        "ec2:DescribeDhcpOptions",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcs",
      ]
      resources = ["*"] # EC2 does not support resources for Describe actions, and an interface has no ARN before it exists.
    }
  }

  statement {
    sid       = "FindImages"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"] # ECR does not support resources for this action.
  }

  statement {
    sid       = "PullImages"
    actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    resources = ["arn:aws:ecr:${local.region}:*:repository/*"] # The images of AWS are in accounts that AWS owns.
  }

  statement {
    sid       = "CreateLogStreams"
    actions   = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams"]
    resources = ["${local.log_groups}:*"] # These actions do not support single streams.
  }

  statement {
    sid       = "WriteLogs"
    actions   = ["logs:PutLogEvents"]
    resources = ["${local.log_groups}:log-stream:${var.job_prefix}*"]
  }

  statement {
    sid       = "WriteMetrics"
    actions   = ["cloudwatch:PutMetricData"]
    resources = ["*"] # CloudWatch does not support resources for this action. The condition limits the namespace.

    condition {
      test     = "StringLike"
      variable = "cloudwatch:namespace"
      values   = ["/aws/sagemaker/*", "aws/sagemaker/*"]
    }
  }
}

data "aws_iam_policy_document" "autopilot" {
  source_policy_documents = [data.aws_iam_policy_document.sagemaker_job.json]

  statement {
    sid     = "ReadLabeledSet"
    actions = ["s3:GetObject"]
    resources = [
      for prefix in ["training_channel", "validation_channel"] : "${local.bucket_arn}/${var.layout[prefix]}*"
    ]
  }

  statement {
    sid       = "WriteModels"
    actions   = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
    resources = ["${local.bucket_arn}/${var.layout.automl_output}*"]
  }

  statement {
    sid       = "FindBucket"
    actions   = ["s3:GetBucketLocation"]
    resources = [local.bucket_arn]
  }

  # Autopilot searches by starting jobs under this role, which it keeps as the trials of an experiment. Their names start
  # with the name of the Autopilot job, or with its first characters, which include the whole prefix.
  statement {
    sid = "RunAutopilotsJobs"
    actions = [
      "sagemaker:AddTags",
      "sagemaker:AssociateTrialComponent",
      "sagemaker:BatchPutMetrics",
      "sagemaker:CreateExperiment",
      "sagemaker:CreateHyperParameterTuningJob",
      "sagemaker:CreateModel",
      "sagemaker:CreateProcessingJob",
      "sagemaker:CreateTrainingJob",
      "sagemaker:CreateTransformJob",
      "sagemaker:CreateTrial",
      "sagemaker:CreateTrialComponent",
      "sagemaker:DeleteModel",
      "sagemaker:DescribeExperiment",
      "sagemaker:DescribeHyperParameterTuningJob",
      "sagemaker:DescribeModel",
      "sagemaker:DescribeProcessingJob",
      "sagemaker:DescribeTrainingJob",
      "sagemaker:DescribeTransformJob",
      "sagemaker:DescribeTrial",
      "sagemaker:DescribeTrialComponent",
      "sagemaker:ListTags",
      "sagemaker:ListTrainingJobsForHyperParameterTuningJob",
      "sagemaker:StopAutoMLJob",
      "sagemaker:StopHyperParameterTuningJob",
      "sagemaker:StopProcessingJob",
      "sagemaker:StopTrainingJob",
      "sagemaker:StopTransformJob",
      "sagemaker:UpdateTrialComponent",
    ]
    resources = [
      for kind in [
        "automl-job", "experiment", "experiment-trial", "experiment-trial-component", "hyper-parameter-tuning-job", "model",
        "processing-job", "training-job", "transform-job",
      ] : "${local.sagemaker}:${kind}/${var.job_prefix}*"
    ]
  }

  statement {
    sid       = "PassItself"
    actions   = ["iam:PassRole"]
    resources = ["arn:aws:iam::${local.account_id}:role/${local.sagemaker_roles.autopilot}"]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["sagemaker.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "model" {
  source_policy_documents = [data.aws_iam_policy_document.sagemaker_job.json]

  statement {
    sid     = "ReadModelAndRows"
    actions = ["s3:GetObject"]
    resources = [
      for prefix in ["automl_output", "features", "holdout"] : "${local.bucket_arn}/${var.layout[prefix]}*"
    ]
  }

  statement {
    sid     = "WriteScores"
    actions = ["s3:PutObject"]
    resources = [
      for prefix in ["inference_results", "holdout_scores"] : "${local.bucket_arn}/${var.layout[prefix]}*"
    ]
  }
}

# A model that scores cannot start jobs or read the labeled set, and Autopilot cannot read features or write scores.
module "sagemaker_role" {
  for_each = local.sagemaker_roles

  source = "../service_role"

  name    = each.value
  service = "sagemaker.amazonaws.com"
  policy = {
    autopilot = data.aws_iam_policy_document.autopilot.json
    model     = data.aws_iam_policy_document.model.json
  }[each.key]
  permissions_boundary_arn = var.permissions_boundary_arn
}
