data "aws_iam_policy_document" "this" {
  for_each = var.schedules

  statement {
    sid       = "Start"
    actions   = [each.value.action]
    resources = [each.value.alias_arn]
  }

  statement {
    sid       = "KeepFailedStarts"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.dead_letters[each.key].arn]
  }

  statement {
    sid       = "UseKey"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.kms_key_arn]
  }
}

module "role" {
  for_each = var.schedules

  source = "../service_role"

  name                     = "buyer-stage-${each.key}-schedule-${var.environment}"
  service                  = "scheduler.amazonaws.com"
  source_arn               = aws_scheduler_schedule_group.this.arn
  policy                   = data.aws_iam_policy_document.this[each.key].json
  permissions_boundary_arn = var.permissions_boundary_arn
}
