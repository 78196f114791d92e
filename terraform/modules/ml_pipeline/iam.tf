locals {
  bucket_arn = "arn:aws:s3:::${var.pipeline_bucket}"
  sagemaker  = "arn:aws:sagemaker:${local.region}:${local.account_id}"
}

data "aws_iam_policy_document" "state_machine" {
  statement {
    sid       = "InvokeFunctions"
    actions   = ["lambda:InvokeFunction"]
    resources = [for arn in values(var.function_arns) : "${arn}:*"] # Each version of the state machine calls one version of each function.
  }
}

data "aws_iam_policy_document" "sagemaker" {
  statement {
    sid     = "ReadData"
    actions = ["s3:GetObject"]
    resources = [
      for prefix in ["training_channel", "validation_channel", "features", "holdout"] : "${local.bucket_arn}/${var.layout[prefix]}*"
    ]
  }

  statement {
    sid     = "WriteModelsAndScores"
    actions = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
    resources = [
      for prefix in ["automl_output", "inference_results", "holdout_scores"] : "${local.bucket_arn}/${var.layout[prefix]}*"
    ]
  }

  statement {
    sid       = "ListBucket"
    actions   = ["s3:GetBucketLocation", "s3:ListBucket"]
    resources = [local.bucket_arn]
  }

  # Autopilot searches by starting jobs under this role, which it keeps as the trials of an experiment. Their names start
  # with the name of the Autopilot job, or with its first ten characters, as older walkthroughs show.
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
    resources = flatten([
      for kind in [
        "automl-job", "experiment", "experiment-trial", "experiment-trial-component", "hyper-parameter-tuning-job", "model",
        "processing-job", "training-job", "transform-job",
      ] : [for start in ["buyer-stage-${var.environment}", "buyer-stag"] : "${local.sagemaker}:${kind}/${start}-*"]
    ])
  }

  statement {
    sid       = "PassItself"
    actions   = ["iam:PassRole"]
    resources = [module.sagemaker_role.arn]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["sagemaker.amazonaws.com"]
    }
  }

  statement {
    sid       = "UseKey"
    actions   = ["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"]
    resources = [var.kms_key_arn]
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
    sid     = "WriteLogs"
    actions = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    resources = [
      "arn:aws:logs:${local.region}:${local.account_id}:log-group:/aws/sagemaker/*",
    ]
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

module "sagemaker_role" {
  source = "../service_role"

  name                     = "buyer-stage-sagemaker-${var.environment}"
  service                  = "sagemaker.amazonaws.com"
  policy                   = data.aws_iam_policy_document.sagemaker.json
  permissions_boundary_arn = var.permissions_boundary_arn
}
