data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

locals {
  bucket_arn = "arn:aws:s3:::${var.pipeline_bucket}"
  log_groups = "arn:aws:logs:${data.aws_region.current.name}:${data.aws_caller_identity.current.account_id}:log-group"
}

data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["glue.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }
  }
}

resource "aws_iam_role" "this" {
  name                 = var.job_name
  assume_role_policy   = data.aws_iam_policy_document.assume.json
  permissions_boundary = var.permissions_boundary_arn
}

data "aws_iam_policy_document" "this" {
  statement {
    sid       = "ReadCodeAndScores"
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::${var.code_bucket}/code/*", "${local.bucket_arn}/inference-results/*"]
  }

  statement {
    sid     = "ReplaceQuarantineReceiptAndServedStages"
    actions = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
    # Hadoop writes folders as objects of their own beside the prefix, hence no slash.
    resources = [for folder in ["quarantine", "push-receipts", "served-stages"] : "${local.bucket_arn}/${folder}*"]
  }

  statement {
    sid       = "ListBucket"
    actions   = ["s3:ListBucket"]
    resources = [local.bucket_arn]
  }

  statement {
    sid       = "ReadSecurityConfiguration"
    actions   = ["glue:GetSecurityConfiguration"]
    resources = ["*"] # Glue knows no resources for this.
  }

  statement {
    sid       = "WriteItems"
    actions   = ["dynamodb:BatchWriteItem"]
    resources = [var.table_arn]
  }

  statement {
    sid       = "UseKey"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.kms_key_arn]
  }

  statement {
    sid       = "WriteLogs"
    actions   = ["logs:AssociateKmsKey", "logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${local.log_groups}:/aws-glue/*"]
  }

  statement {
    sid       = "WriteMetrics"
    actions   = ["cloudwatch:PutMetricData"]
    resources = ["*"] # CloudWatch knows no resources for this; the namespace bounds it.

    condition {
      test     = "StringEquals"
      variable = "cloudwatch:namespace"
      values   = ["Glue"]
    }
  }
}

resource "aws_iam_role_policy" "this" {
  name   = "what-it-calls"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.this.json
}
