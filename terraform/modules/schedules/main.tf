resource "aws_scheduler_schedule_group" "this" {
  name = "buyer-stage-${var.environment}"
}

# Holds each start that failed after all retries, with the reason. An alarm watches the queue.
resource "aws_sqs_queue" "dead_letters" {
  for_each = var.schedules

  name                      = "buyer-stage-${each.key}-schedule-dead-letters-${var.environment}"
  message_retention_seconds = 1209600
  kms_master_key_id         = var.kms_key_arn
}

resource "aws_scheduler_schedule" "this" {
  for_each = var.schedules

  name                         = "buyer-stage-${each.key}-${var.environment}"
  description                  = each.value.description
  group_name                   = aws_scheduler_schedule_group.this.name
  state                        = var.enabled ? "ENABLED" : "DISABLED"
  schedule_expression          = each.value.expression
  schedule_expression_timezone = "UTC"
  kms_key_arn                  = var.kms_key_arn

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = each.value.alias_arn
    role_arn = module.role[each.key].arn
    input    = each.value.input

    dead_letter_config {
      arn = aws_sqs_queue.dead_letters[each.key].arn
    }

    # A start that is hours late would overlap with the next one.
    retry_policy {
      maximum_event_age_in_seconds = 3600
      maximum_retry_attempts       = 5
    }
  }
}
