data "aws_region" "current" {}

data "aws_caller_identity" "current" {}

# Encrypted with a key that AWS owns. With the environment's key, EventBridge would drop events whenever it cannot use the
# key, and the provider cannot set the key of the archive, which holds them longest.
resource "aws_cloudwatch_event_bus" "this" {
  name        = var.bus_name
  description = "Tells product teams which stages have changed."
}

# From here a team gets events again that it has missed: see docs/operations.md.
resource "aws_cloudwatch_event_archive" "this" {
  name             = var.bus_name
  description      = "Events of the last 14 days."
  event_source_arn = aws_cloudwatch_event_bus.this.arn
  retention_days   = 14
}

data "aws_iam_policy_document" "readers" {
  count = length(var.reader_principal_arns) > 0 ? 1 : 0

  # A rule belongs to the account that makes it: a team of another account cannot touch the rules of others.
  # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-bus-permissions-manage.html
  statement {
    sid = "ReadersManageTheirRules"
    actions = [
      "events:DeleteRule", "events:DescribeRule", "events:DisableRule", "events:EnableRule", "events:ListTagsForResource",
      "events:ListTargetsByRule", "events:PutRule", "events:PutTargets", "events:RemoveTargets", "events:TagResource",
      "events:UntagResource",
    ]
    resources = [
      "arn:aws:events:${data.aws_region.current.name}:${data.aws_caller_identity.current.account_id}:rule/${var.bus_name}/*",
    ]

    principals {
      type        = "AWS"
      identifiers = var.reader_principal_arns
    }

    condition {
      test     = "StringEqualsIfExists"
      variable = "events:creatorAccount"
      values   = ["$${aws:PrincipalAccount}"]
    }
  }

  # Whatever else the policies of a reader allow, as those of an administrator of this account do.
  statement {
    sid       = "ReadersSendNothing"
    effect    = "Deny"
    actions   = ["events:PutEvents"]
    resources = [aws_cloudwatch_event_bus.this.arn]

    principals {
      type        = "AWS"
      identifiers = var.reader_principal_arns
    }
  }
}

resource "aws_cloudwatch_event_bus_policy" "readers" {
  count = length(data.aws_iam_policy_document.readers)

  event_bus_name = aws_cloudwatch_event_bus.this.name
  policy         = data.aws_iam_policy_document.readers[0].json
}
