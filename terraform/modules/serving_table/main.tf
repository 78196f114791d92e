resource "aws_dynamodb_table" "this" {
  name                        = var.table_name
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "member_id"
  deletion_protection_enabled = var.deletion_protection

  attribute {
    name = "member_id"
    type = "S"
  }

  ttl {
    attribute_name = "ttl"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = var.kms_key_arn
  }
}

data "aws_iam_policy_document" "readers" {
  count = length(var.reader_principal_arns) > 0 ? 1 : 0

  statement {
    sid       = "ReadersGetItems"
    actions   = ["dynamodb:BatchGetItem", "dynamodb:GetItem"]
    resources = [aws_dynamodb_table.this.arn]

    principals {
      type        = "AWS"
      identifiers = var.reader_principal_arns
    }
  }

  # Whatever else the policies of a reader allow, as those of an administrator of this account do.
  statement {
    sid         = "ReadersDoNothingElse"
    effect      = "Deny"
    not_actions = ["dynamodb:BatchGetItem", "dynamodb:GetItem"]
    resources   = [aws_dynamodb_table.this.arn]

    principals {
      type        = "AWS"
      identifiers = var.reader_principal_arns
    }
  }
}

resource "aws_dynamodb_resource_policy" "readers" {
  count = length(data.aws_iam_policy_document.readers)

  resource_arn = aws_dynamodb_table.this.arn
  policy       = data.aws_iam_policy_document.readers[0].json
}
