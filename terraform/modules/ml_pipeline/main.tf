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
  publish  = true

  definition = templatefile(var.template, merge(var.function_version_arns, {
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
    include_execution_data = true # days and names of jobs; nothing about members
  }

  tracing_configuration {
    enabled = true
  }

  # Step Functions tries out the role's rights when it takes the definition.
  depends_on = [aws_iam_role_policy.state_machine]
}

# What schedules and people start. `make rollback` points it at an earlier version.
resource "aws_sfn_alias" "live" {
  name = "live"

  routing_configuration {
    state_machine_version_arn = aws_sfn_state_machine.this.state_machine_version_arn
    weight                    = 100
  }
}

# Where models are registered, approved and found.
resource "aws_sagemaker_model_package_group" "this" {
  model_package_group_name        = var.model_package_group_name
  model_package_group_description = "Models that tell a member's stage."
}
