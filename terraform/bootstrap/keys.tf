locals {
  keys = {
    bootstrap   = { protects = "Terraform state and published code", policy = data.aws_iam_policy_document.bootstrap_key }
    environment = { protects = "all data", policy = data.aws_iam_policy_document.environment_key }
  }
}

# Only people administer keys: no role of a workflow can create, change or delete one.
resource "aws_kms_key" "this" {
  for_each = local.keys

  description             = "Encrypts ${each.value.protects} of the buyer stage pipelines (${var.environment})."
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy                  = each.value.policy.json
}

resource "aws_kms_alias" "this" {
  for_each = local.names.key_aliases

  name          = each.value
  target_key_id = aws_kms_key.this[each.key].id
}

data "aws_iam_policy_document" "key" {
  # checkov:skip=CKV_AWS_109:IAM policies of the account control the use of the key. They have no effect without this statement.
  # checkov:skip=CKV_AWS_111:The resource of a key policy is always the key itself.
  # checkov:skip=CKV_AWS_356:In a key policy, "*" means the key itself.
  statement {
    sid       = "EnableIamPolicies"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::${local.account_id}:root"]
    }
  }
}

data "aws_iam_policy_document" "bootstrap_key" {
  # checkov:skip=CKV_AWS_283:The conditions limit the principals to this environment's roles in this account.
  source_policy_documents = [data.aws_iam_policy_document.key.json]

  # With this statement, the pipelines' roles need no permission for this key. They can read code, but not the state.
  statement {
    sid       = "PipelineRolesReadCode"
    actions   = ["kms:Decrypt"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }

    condition {
      test     = "StringEquals"
      variable = "kms:CallerAccount"
      values   = [local.account_id]
    }

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["s3.${var.region}.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "kms:EncryptionContext:aws:s3:arn"
      values   = [local.bucket_arns.code]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:PrincipalArn"
      values   = ["arn:aws:iam::${local.account_id}:role/${local.name_pattern}"]
    }
  }
}

data "aws_iam_policy_document" "environment_key" {
  # checkov:skip=CKV_AWS_111:The resource of a key policy is always the key itself.
  # checkov:skip=CKV_AWS_356:In a key policy, "*" means the key itself.
  source_policy_documents = [data.aws_iam_policy_document.key.json]

  statement {
    sid       = "LogGroups"
    actions   = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:GenerateDataKey"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["logs.${var.region}.amazonaws.com"]
    }

    condition {
      test     = "ArnLike"
      variable = "kms:EncryptionContext:aws:logs:arn"
      values   = ["arn:aws:logs:${var.region}:${local.account_id}:log-group:*"]
    }
  }

  # DescribeKey has no encryption context, so that the condition above would never be met.
  statement {
    sid       = "DescribeKeyOfLogGroups"
    actions   = ["kms:DescribeKey"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["logs.${var.region}.amazonaws.com"]
    }
  }

  # AWS Budgets, CloudWatch and EventBridge publish to the encrypted topic.
  statement {
    sid       = "AlarmsAndBudgets"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["budgets.amazonaws.com", "cloudwatch.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account_id]
    }
  }

  # EventBridge sends no condition keys to an encrypted topic: with a condition, no event would arrive.
  statement {
    sid       = "Events"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }
  }

  # Readers decrypt items, and nothing else that the key protects. They are named here and in the table's policy: a person
  # applies this configuration, so that no workflow lets a reader in alone.
  dynamic "statement" {
    for_each = length(var.reader_principal_arns) > 0 ? [var.reader_principal_arns] : []

    content {
      sid       = "ReadersOfTheTable"
      actions   = ["kms:Decrypt"]
      resources = ["*"]

      principals {
        type        = "AWS"
        identifiers = statement.value
      }

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = ["dynamodb.${var.region}.amazonaws.com"]
      }
    }
  }

  # CloudTrail encrypts the records of who read members' data.
  statement {
    sid       = "Trail"
    actions   = ["kms:DescribeKey", "kms:GenerateDataKey"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["cloudtrail.amazonaws.com"]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["arn:aws:cloudtrail:${var.region}:${local.account_id}:trail/buyer-stage-*"]
    }
  }
}
