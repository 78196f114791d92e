locals {
  pipeline_bucket_arn = "arn:aws:s3:::${var.pipeline_bucket}"
  datalake_bucket_arn = "arn:aws:s3:::${var.datalake_bucket}"
  survey_arn          = "arn:aws:s3:::${trimprefix(var.survey_uri, "s3://")}"
  code_bucket_arn     = "arn:aws:s3:::${var.code_bucket}"
  survey_bucket_arn   = "arn:aws:s3:::${split("/", var.survey_uri)[2]}"

  # Clusters have no names in ARNs. Policies identify them by these tags.
  identifying_tags = { for key in ["product", "environment"] : key => var.tags[key] }
}

data "aws_iam_policy_document" "state_machine" {
  statement {
    sid       = "InvokeFunctions"
    actions   = ["lambda:InvokeFunction"]
    resources = [for arn in values(var.function_arns) : "${arn}:*"] # Each version of the state machine calls one version of each function.
  }

  statement {
    sid       = "CreateCluster"
    actions   = ["elasticmapreduce:RunJobFlow"]
    resources = ["*"] # The cluster has no ARN before it exists. The conditions require the environment's tags.

    dynamic "condition" {
      for_each = local.identifying_tags

      content {
        test     = "StringEquals"
        variable = "aws:RequestTag/${condition.key}"
        values   = [condition.value]
      }
    }
  }

  statement {
    sid       = "TagCluster"
    actions   = ["elasticmapreduce:AddTags"]
    resources = ["arn:aws:elasticmapreduce:${local.region}:${local.account_id}:cluster/*"]

    dynamic "condition" {
      for_each = local.identifying_tags

      content {
        test     = "StringEquals"
        variable = "aws:RequestTag/${condition.key}"
        values   = [condition.value]
      }
    }

    # Without these, the role could take over another environment's cluster by changing its tags.
    dynamic "condition" {
      for_each = local.identifying_tags

      content {
        test     = "StringEqualsIfExists"
        variable = "aws:ResourceTag/${condition.key}"
        values   = [condition.value]
      }
    }
  }

  statement {
    sid = "UseCluster"
    actions = [
      "elasticmapreduce:AddJobFlowSteps",
      "elasticmapreduce:CancelSteps",
      "elasticmapreduce:DescribeCluster",
      "elasticmapreduce:DescribeStep",
      "elasticmapreduce:TerminateJobFlows",
    ]
    resources = ["arn:aws:elasticmapreduce:${local.region}:${local.account_id}:cluster/*"]

    dynamic "condition" {
      for_each = local.identifying_tags

      content {
        test     = "StringEquals"
        variable = "aws:ResourceTag/${condition.key}"
        values   = [condition.value]
      }
    }
  }

  statement {
    sid       = "PassEmrServiceRole"
    actions   = ["iam:PassRole"]
    resources = [module.emr_service.arn]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["elasticmapreduce.amazonaws.com"]
    }
  }

  statement {
    sid       = "PassEmrInstanceRole"
    actions   = ["iam:PassRole"]
    resources = [module.emr_instances.arn]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["ec2.amazonaws.com"]
    }
  }

  # Step Functions uses EventBridge rules to learn that a cluster or step has finished.
  statement {
    sid     = "ObserveClusterAndSteps"
    actions = ["events:DescribeRule", "events:PutRule", "events:PutTargets"]
    resources = [
      for rule in ["RunJobFlow", "AddJobFlowSteps", "TerminateJobFlows"] :
      "arn:aws:events:${local.region}:${local.account_id}:rule/StepFunctionsGetEventForEMR${rule}Rule"
    ]
  }
}

resource "aws_iam_role_policy_attachment" "emr_service" {
  role       = module.emr_service.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AmazonEMRServicePolicy_v2"
}

data "aws_iam_policy_document" "emr_service" {
  source_policy_documents = [data.aws_iam_policy_document.encrypt_disks.json]

  statement {
    sid       = "PassInstanceRole"
    actions   = ["iam:PassRole"]
    resources = [module.emr_instances.arn]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["ec2.amazonaws.com"]
    }
  }
}

module "emr_service" {
  source = "../service_role"

  name                     = "buyer-stage-emr-service-${var.environment}"
  service                  = "elasticmapreduce.amazonaws.com"
  policy                   = data.aws_iam_policy_document.emr_service.json
  permissions_boundary_arn = var.permissions_boundary_arn
}

resource "aws_iam_instance_profile" "emr_instances" {
  name = module.emr_instances.name
  role = module.emr_instances.name
}

# EMR and the instances both use the key to encrypt disks.
data "aws_iam_policy_document" "encrypt_disks" {
  statement {
    sid = "EncryptDisks"
    actions = [
      "kms:Decrypt",
      "kms:DescribeKey",
      "kms:Encrypt",
      "kms:GenerateDataKey",
      "kms:GenerateDataKeyWithoutPlaintext",
      "kms:ReEncryptFrom",
      "kms:ReEncryptTo",
    ]
    resources = [var.kms_key_arn]
  }

  statement {
    sid       = "GrantKeyToDisks"
    actions   = ["kms:CreateGrant"]
    resources = [var.kms_key_arn]

    condition {
      test     = "Bool"
      variable = "kms:GrantIsForAWSResource"
      values   = ["true"]
    }
  }
}

data "aws_iam_policy_document" "emr_instances" {
  source_policy_documents = [data.aws_iam_policy_document.encrypt_disks.json]

  statement {
    sid     = "ReadInputAndCode"
    actions = ["s3:GetObject"]
    resources = [
      "${local.datalake_bucket_arn}/${var.layout.datalake_tables}*",
      local.survey_arn,
      "${local.code_bucket_arn}/${var.layout.code}*",
      "${local.code_bucket_arn}/${var.layout.certificates}*",
      "${local.pipeline_bucket_arn}/${var.layout.suppression}",
    ]
  }

  statement {
    sid       = "ReadSuppressionKey"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [var.suppression_secret_arn]
  }

  statement {
    sid       = "ListBuckets"
    actions   = ["s3:ListBucket"]
    resources = distinct([local.datalake_bucket_arn, local.survey_bucket_arn, local.pipeline_bucket_arn, local.code_bucket_arn])
  }

  # Hadoop's S3 client uploads in parts, and lists and aborts what a failed attempt left.
  statement {
    sid       = "ListUploads"
    actions   = ["s3:ListBucketMultipartUploads"]
    resources = [local.pipeline_bucket_arn]
  }

  statement {
    sid = "ReplaceFeaturesAndLabeledSet"
    actions = [
      "s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject",
    ]
    # Without the slash: Hadoop also writes an object that stands for the folder itself, such as inputs_$folder$.
    resources = [
      for prefix in ["features", "raw_samples", "train", "validation", "test"] :
      "${local.pipeline_bucket_arn}/${trimsuffix(var.layout[prefix], "/")}*"
    ]
  }

  statement {
    sid       = "WriteLogs"
    actions   = ["s3:PutObject"]
    resources = ["${local.pipeline_bucket_arn}/${var.layout.emr_logs}*"]
  }
}

module "emr_instances" {
  source = "../service_role"

  name                     = "buyer-stage-emr-instances-${var.environment}"
  service                  = "ec2.amazonaws.com"
  policy                   = data.aws_iam_policy_document.emr_instances.json
  permissions_boundary_arn = var.permissions_boundary_arn
}
