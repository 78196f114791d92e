resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/vendedlogs/states/${var.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_sfn_state_machine" "this" {
  name       = var.name
  role_arn   = module.role.arn
  publish    = true
  definition = var.definition

  logging_configuration {
    log_destination        = "${aws_cloudwatch_log_group.this.arn}:*"
    level                  = "ALL"
    include_execution_data = true # The data are dates and job names, never about members.
  }

  tracing_configuration {
    enabled = true
  }

  # Step Functions tests the role's permissions when it creates the state machine.
  depends_on = [module.role]
}

# Schedules and people start this alias. `make rollback` points it to an earlier version.
resource "aws_sfn_alias" "live" {
  name = "live"

  routing_configuration {
    state_machine_version_arn = aws_sfn_state_machine.this.state_machine_version_arn
    weight                    = 100
  }
}
