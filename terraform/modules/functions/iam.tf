data "aws_iam_policy_document" "this" {
  for_each = local.functions

  dynamic "statement" {
    for_each = each.value.statements

    content {
      sid       = statement.key
      actions   = statement.value.actions
      resources = statement.value.resources

      dynamic "condition" {
        for_each = try(statement.value.only_if, {})

        content {
          test     = "StringEquals"
          variable = condition.key
          values   = [condition.value]
        }
      }
    }
  }

  statement {
    sid       = "WriteLogs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.this[each.key].arn}:*"]
  }

  statement {
    sid       = "WriteTraces"
    actions   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
    resources = ["*"] # X-Ray does not support resources for these actions.
  }
}

module "role" {
  for_each = local.names

  source = "../service_role"

  name                     = each.value
  service                  = "lambda.amazonaws.com"
  policy                   = data.aws_iam_policy_document.this[each.key].json
  permissions_boundary_arn = var.permissions_boundary_arn
}
