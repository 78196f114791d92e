data "aws_iam_policy_document" "this" {
  # checkov:skip=CKV_AWS_111:CloudWatch Logs and X-Ray do not support resources for these actions.
  # checkov:skip=CKV_AWS_356:CloudWatch Logs and X-Ray do not support resources for these actions.
  source_policy_documents = [var.policy]

  statement {
    sid = "DeliverLogs"
    actions = [
      "logs:CreateLogDelivery",
      "logs:DeleteLogDelivery",
      "logs:DescribeLogGroups",
      "logs:DescribeResourcePolicies",
      "logs:GetLogDelivery",
      "logs:ListLogDeliveries",
      "logs:PutResourcePolicy",
      "logs:UpdateLogDelivery",
    ]
    resources = ["*"] # CloudWatch Logs does not support resources for these actions.
  }

  statement {
    sid = "WriteTraces"
    actions = [
      "xray:GetSamplingRules",
      "xray:GetSamplingTargets",
      "xray:PutTelemetryRecords",
      "xray:PutTraceSegments",
    ]
    resources = ["*"] # X-Ray does not support resources for these actions.
  }
}

module "role" {
  source = "../service_role"

  name                     = var.name
  service                  = "states.amazonaws.com"
  policy                   = data.aws_iam_policy_document.this.json
  permissions_boundary_arn = var.permissions_boundary_arn
}
