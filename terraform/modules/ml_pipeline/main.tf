data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

locals {
  region     = data.aws_region.current.name
  account_id = data.aws_caller_identity.current.account_id
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/vendedlogs/states/${var.state_machine_name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_sfn_state_machine" "this" {
  name     = var.state_machine_name
  role_arn = aws_iam_role.state_machine.arn

  definition = templatefile(var.template, merge(var.function_arns, {
    snapshot_date          = var.snapshot_date
    automl_poll_seconds    = var.automl_poll.seconds
    automl_poll_limit      = var.automl_poll.limit
    transform_poll_seconds = var.transform_poll.seconds
    transform_poll_limit   = var.transform_poll.limit
    upload_poll_seconds    = var.upload_poll.seconds
    upload_poll_limit      = var.upload_poll.limit
  }))

  logging_configuration {
    log_destination        = "${aws_cloudwatch_log_group.this.arn}:*"
    level                  = "ALL"
    include_execution_data = false
  }

  tracing_configuration {
    enabled = true
  }

  # Step Functions tries out the role's rights when it takes the definition.
  depends_on = [aws_iam_role_policy.state_machine]
}
