data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

locals {
  bucket_arn = "arn:aws:s3:::${var.pipeline_bucket}"
  log_groups = "arn:aws:logs:${data.aws_region.current.name}:${data.aws_caller_identity.current.account_id}:log-group:${local.log_prefix}"
}

data "aws_iam_policy_document" "this" {
  statement {
    sid     = "ReadCodeManifestsAndScores"
    actions = ["s3:GetObject"]
    resources = [
      "arn:aws:s3:::${var.code_bucket}/${var.layout.code}*",
      "${local.bucket_arn}/${var.layout.feature_manifests}",
      "${local.bucket_arn}/${var.layout.inference_results}*",
      "${local.bucket_arn}/${var.layout.suppression}",
    ]
  }

  statement {
    sid       = "ReadSuppressionKey"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [var.suppression_secret_arn]
  }

  statement {
    sid     = "ReplaceQuarantineReceiptStatesAndChanges"
    actions = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
    # Without the slash: Hadoop also writes an object that stands for the folder itself, such as quarantine_$folder$.
    resources = [
      for prefix in ["quarantine", "push_receipts", "served_items", "stage_changes", "serving"] :
      "${local.bucket_arn}/${trimsuffix(var.layout[prefix], "/")}*"
    ]
  }

  statement {
    sid       = "ListBucket"
    actions   = ["s3:ListBucket"]
    resources = [local.bucket_arn]
  }

  statement {
    sid       = "ReadSecurityConfiguration"
    actions   = ["glue:GetSecurityConfiguration"]
    resources = ["*"] # Glue does not support resources for this action.
  }

  statement {
    sid       = "WriteItems"
    actions   = ["dynamodb:BatchWriteItem"]
    resources = [var.table_arn]
  }

  statement {
    sid       = "SendEvents"
    actions   = ["events:PutEvents"]
    resources = [var.event_bus_arn]
  }

  statement {
    sid       = "UseKey"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.kms_key_arn]
  }

  statement {
    sid       = "WriteLogs"
    actions   = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${local.log_groups}/*"]
  }

  statement {
    sid       = "WriteMetrics"
    actions   = ["cloudwatch:PutMetricData"]
    resources = ["*"] # CloudWatch does not support resources for this action. The condition limits the namespace.

    condition {
      test     = "StringEquals"
      variable = "cloudwatch:namespace"
      values   = ["Glue"]
    }
  }
}

module "role" {
  source = "../service_role"

  name                     = var.job_name
  service                  = "glue.amazonaws.com"
  policy                   = data.aws_iam_policy_document.this.json
  permissions_boundary_arn = var.permissions_boundary_arn
}
