data "aws_caller_identity" "current" {}

locals {
  ready_to_transact = {
    source      = ["buyer-stage"]
    detail-type = ["Member Stage Changed"]
    detail      = { to = ["Ready To Transact"] }
  }
}

# A rule that you make on a bus of another account can send to a bus of yours, and to nothing else.
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-cross-account.html
resource "aws_cloudwatch_event_bus" "this" {
  name        = var.name
  description = "Members who have become Ready To Transact."
}

resource "aws_cloudwatch_event_rule" "subscribe" {
  name           = var.name
  description    = "Sends members who have become Ready To Transact to the bus ${var.name} of another account."
  event_bus_name = var.event_bus_arn
  event_pattern  = jsonencode(local.ready_to_transact)
}

resource "aws_cloudwatch_event_target" "subscribe" {
  rule           = aws_cloudwatch_event_rule.subscribe.name
  event_bus_name = var.event_bus_arn
  target_id      = "bus"
  arn            = aws_cloudwatch_event_bus.this.arn
  role_arn       = aws_iam_role.this["forwarder"].arn

  depends_on = [aws_iam_role_policy.this]
}

resource "aws_cloudwatch_event_rule" "enqueue" {
  name           = var.name
  description    = "Puts events into the queue ${var.name}."
  event_bus_name = aws_cloudwatch_event_bus.this.name
  event_pattern  = jsonencode(local.ready_to_transact)
}

resource "aws_cloudwatch_event_target" "enqueue" {
  rule           = aws_cloudwatch_event_rule.enqueue.name
  event_bus_name = aws_cloudwatch_event_bus.this.name
  target_id      = "queue"
  arn            = aws_sqs_queue.events.arn

  dead_letter_config {
    arn = aws_sqs_queue.dead_letters.arn
  }

  depends_on = [aws_sqs_queue_policy.this]
}

resource "aws_sqs_queue" "events" {
  name                       = var.name
  sqs_managed_sse_enabled    = true
  message_retention_seconds  = 345600
  visibility_timeout_seconds = 60 # More than your code needs for the messages of one request.

  redrive_policy = jsonencode({ deadLetterTargetArn = aws_sqs_queue.dead_letters.arn, maxReceiveCount = 5 })
}

# Watch it with an alarm: each message is a member whom you have missed.
resource "aws_sqs_queue" "dead_letters" {
  name                      = "${var.name}-dead-letters"
  sqs_managed_sse_enabled   = true
  message_retention_seconds = 1209600
}

locals {
  queues = {
    events       = { arn = aws_sqs_queue.events.arn, url = aws_sqs_queue.events.url }
    dead_letters = { arn = aws_sqs_queue.dead_letters.arn, url = aws_sqs_queue.dead_letters.url }
  }
}

data "aws_iam_policy_document" "queue" {
  for_each = local.queues

  statement {
    sid       = "RuleSendsEvents"
    actions   = ["sqs:SendMessage"]
    resources = [each.value.arn]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_cloudwatch_event_rule.enqueue.arn]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }
  }

  statement {
    sid       = "NothingWithoutTls"
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [each.value.arn]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_sqs_queue_policy" "this" {
  for_each = local.queues

  queue_url = each.value.url
  policy    = data.aws_iam_policy_document.queue[each.key].json
}

locals {
  roles = {
    forwarder = {
      trusted = { type = "Service", identifiers = ["events.amazonaws.com"] }
      statements = [
        { actions = ["events:PutEvents"], resource = aws_cloudwatch_event_bus.this.arn },
      ]
    }
    reader = {
      trusted = var.runs_as
      statements = [
        # A Function URL needs both: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
        { actions = ["lambda:InvokeFunction", "lambda:InvokeFunctionUrl"], resource = var.lookup_arn },
        { actions = ["sqs:DeleteMessage", "sqs:ReceiveMessage"], resource = aws_sqs_queue.events.arn },
      ]
    }
  }
}

data "aws_iam_policy_document" "trust" {
  for_each = local.roles

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = each.value.trusted.type
      identifiers = each.value.trusted.identifiers
    }
  }
}

resource "aws_iam_role" "this" {
  for_each = local.roles

  name               = "${var.name}-${each.key}"
  assume_role_policy = data.aws_iam_policy_document.trust[each.key].json
}

data "aws_iam_policy_document" "calls" {
  for_each = local.roles

  dynamic "statement" {
    for_each = each.value.statements

    content {
      actions   = statement.value.actions
      resources = [statement.value.resource]
    }
  }
}

resource "aws_iam_role_policy" "this" {
  for_each = local.roles

  name   = "calls"
  role   = aws_iam_role.this[each.key].name
  policy = data.aws_iam_policy_document.calls[each.key].json
}
