data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = var.principal_arns
    }
  }
}

locals {
  bucket_arn = "arn:aws:s3:::${var.pipeline_bucket}"
  # What names members or holds rows of the labeled set: see buyer_stage/domain/data_inventory.py.
  erased = [
    for name in [
      "features", "raw_samples", "train", "validation", "test", "automl_output", "holdout_scores", "inference_results",
      "quarantine", "served_items", "stage_changes", "athena_results",
    ] : "${local.bucket_arn}/${var.layout[name]}*"
  ]
}

data "aws_iam_policy_document" "this" {
  statement {
    sid       = "FindVersions"
    actions   = ["s3:ListBucket", "s3:ListBucketVersions"]
    resources = [local.bucket_arn]
  }

  statement {
    sid       = "RewriteObjectsAndDeleteVersions"
    actions   = ["s3:DeleteObjectVersion", "s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"]
    resources = local.erased
  }

  statement {
    sid       = "WriteListAndReceipts"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = [for name in ["suppression", "erasure_receipts"] : "${local.bucket_arn}/${var.layout[name]}*"]
  }

  statement {
    sid       = "MakeKeyOfTheList"
    actions   = ["secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"]
    resources = [var.suppression_secret_arn]
  }

  statement {
    sid       = "DeleteItems"
    actions   = ["dynamodb:BatchGetItem", "dynamodb:BatchWriteItem"]
    resources = [var.table_arn]
  }

  statement {
    sid       = "FindRunningExecutions"
    actions   = ["states:ListExecutions"]
    resources = var.state_machine_arns
  }

  statement {
    sid     = "ListModels"
    actions = ["sagemaker:DescribeModelPackage", "sagemaker:ListModelPackages"]
    resources = [
      var.model_package_group_arn, "${replace(var.model_package_group_arn, ":model-package-group/", ":model-package/")}/*",
    ]
  }

  statement {
    sid       = "UseKey"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.kms_key_arn]
  }
}

resource "aws_iam_role" "this" {
  name                 = var.role_name
  description          = "Runs make find-members and make forget-members. No other role can delete versions of objects."
  assume_role_policy   = data.aws_iam_policy_document.assume.json
  permissions_boundary = var.permissions_boundary_arn
  max_session_duration = 43200 # The command reads every version of every object with members.
}

resource "aws_iam_role_policy" "this" {
  name   = "what-it-calls"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.this.json
}
