data "aws_region" "current" {}

locals {
  region = data.aws_region.current.name

  freshness_metrics = { service = "report_freshness" }
  push_metrics      = { service = "check_uploading_to_dynamo_db_status" }
  drift_metrics     = { service = "check_drift" }
  extension_metrics = { service = "start_ttl_extension" }
  stages            = ["Dreamer", "CasualSearcher", "ActiveSearcher", "ReadyToTransact"]

  execution_alarms = merge([
    for pipeline, arn in var.state_machine_arns : {
      for outcome in ["Failed", "TimedOut", "Aborted"] :
      "${pipeline}-execution-${lower(outcome)}" => { arn = arn, metric = "Executions${outcome}" }
    }
  ]...)
}

resource "aws_cloudwatch_metric_alarm" "execution" {
  for_each = local.execution_alarms

  alarm_name          = "buyer-stage-${each.key}-${var.environment}"
  alarm_description   = "An execution of ${each.value.arn} failed, timed out or was aborted. See docs/operations.md."
  namespace           = "AWS/States"
  metric_name         = each.value.metric
  dimensions          = { StateMachineArn = each.value.arn }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.topic_arn]
}

resource "aws_cloudwatch_metric_alarm" "snapshots_behind" {
  alarm_name          = "buyer-stage-snapshots-behind-${var.environment}"
  alarm_description   = "The live snapshot is behind the one that should be live by now; without data, nothing was ever published, or report_freshness fails. See docs/operations.md."
  namespace           = var.metrics_namespace
  metric_name         = "SnapshotsBehind"
  dimensions          = local.freshness_metrics
  statistic           = "Maximum"
  period              = 3600
  evaluation_periods  = 2 # The function runs once an hour, so the current hour can still be without data.
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"
  alarm_actions       = [var.topic_arn]
  ok_actions          = [var.topic_arn]
}

locals {
  # Metrics that each daily run publishes once. The period is a day, so an alarm that stays on sends one alert.
  figures = {
    days-held = {
      description = "The audit kept a day from the table, which has the same stages as before."
      metric      = "DaysHeld"
      dimensions  = local.push_metrics
      threshold   = 0
    }
    change-events-failed = {
      description = "EventBridge did not accept change events. The table is complete; the next push sends them again."
      metric      = "ChangeEventsFailed"
      dimensions  = local.push_metrics
      threshold   = 0
    }
    ttl-extended = {
      description = "No later day was served until the items were about to expire, so they got more time. They show old stages."
      metric      = "TTLExtensionsStarted"
      dimensions  = local.extension_metrics
      threshold   = 0
    }
    scored-lines-quarantined = {
      description = "The push quarantined scored lines. The quarantine folder holds them with the reasons."
      metric      = "ScoredLinesQuarantined"
      dimensions  = local.push_metrics
      threshold   = 0
    }
    stage-churn = {
      description = "More than ${var.alerts.maximum_flip_rate * 100}% of the members have another served stage than on the previous snapshot."
      metric      = "StageFlipRate"
      dimensions  = local.drift_metrics
      threshold   = var.alerts.maximum_flip_rate
    }
    model-drifted = {
      description = "Features or predicted stages have shifted significantly since the model's training."
      metric      = "ModelDrifted"
      dimensions  = local.drift_metrics
      threshold   = 0
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "figure" {
  for_each = local.figures

  alarm_name          = "buyer-stage-${each.key}-${var.environment}"
  alarm_description   = "${each.value.description} See docs/operations.md."
  namespace           = var.metrics_namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = "Maximum"
  period              = 86400
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.topic_arn]
}

# Failures that no execution shows.
locals {
  function_failures = {
    lookup-failed = {
      description = "The lookup could not answer requests."
      metric      = "Url5xxCount"
      function    = var.lookup_function_name
    }
    receipt-failed = {
      description = "An attempt to write the receipt of an execution failed."
      metric      = "Errors"
      function    = var.receipt_function_name
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "function_failed" {
  for_each = local.function_failures

  alarm_name          = "buyer-stage-${each.key}-${var.environment}"
  alarm_description   = "${each.value.description} See docs/operations.md."
  namespace           = "AWS/Lambda"
  metric_name         = each.value.metric
  dimensions          = { FunctionName = each.value.function }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.topic_arn]
}

resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  for_each = var.dead_letter_queue_names

  alarm_name          = "buyer-stage-${each.key}-schedule-dead-letters-${var.environment}"
  alarm_description   = "The ${each.key} schedule could not start its pipeline or function. See docs/operations.md."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = each.value }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.topic_arn]
}

locals {
  # EMR and Glue report these failures even when the execution has already ended.
  failures = {
    glue-run-failed = {
      description = "A run of the Glue job did not succeed."
      pattern = {
        source      = ["aws.glue"]
        detail-type = ["Glue Job State Change"]
        detail      = { jobName = [var.glue_job_name], state = ["ERROR", "EXPIRED", "FAILED", "STOPPED", "TIMEOUT"] }
      }
      paths = { job = "$.detail.jobName", run = "$.detail.jobRunId", state = "$.detail.state" }
      alert = "Glue run <run> of <job> is <state>. See docs/operations.md."
    }
    emr-cluster-failed = {
      description = "The cluster of an ETL execution ended with errors."
      pattern = {
        source      = ["aws.emr"]
        detail-type = ["EMR Cluster State Change"]
        detail      = { name = [{ prefix = "buyer-stage-etl-${var.environment}-" }], state = ["TERMINATED_WITH_ERRORS"] }
      }
      paths = { cluster = "$.detail.clusterId", name = "$.detail.name" }
      alert = "EMR cluster <cluster> (<name>) ended with errors. See docs/operations.md."
    }
  }
}

resource "aws_cloudwatch_event_rule" "failure" {
  for_each = local.failures

  name          = "buyer-stage-${each.key}-${var.environment}"
  description   = each.value.description
  event_pattern = jsonencode(each.value.pattern)
}

resource "aws_cloudwatch_event_target" "failure" {
  for_each = local.failures

  rule      = aws_cloudwatch_event_rule.failure[each.key].name
  target_id = "alerts"
  arn       = var.topic_arn

  # EventBridge does not escape the values that it inserts in a string, so only names and IDs stand there; the event,
  # inserted as JSON, contains the reason. jsonencode would escape the angle brackets of the placeholders.
  input_transformer {
    input_paths    = each.value.paths
    input_template = "{\"alert\": \"${each.value.alert}\", \"event\": <aws.events.event.json>}"
  }
}

locals {
  log_group_names = concat(var.function_log_group_names, values(var.state_machine_log_group_names))
  queries = {
    follow-one-execution = {
      log_group_names = local.log_group_names
      query           = <<-EOT
        fields @timestamp, coalesce(service, type) as source, coalesce(level, "") as severity, message, @message
        | filter correlation_id = "EXECUTION_NAME" or execution_arn like "EXECUTION_NAME"
        | sort @timestamp asc
      EOT
    }
    errors-of-the-functions = {
      log_group_names = var.function_log_group_names
      query           = <<-EOT
        fields @timestamp, service, correlation_id, message, exception_name, exception
        | filter level = "ERROR" or level = "CRITICAL"
        | sort @timestamp desc
      EOT
    }
    failed-states = {
      log_group_names = values(var.state_machine_log_group_names)
      query           = <<-EOT
        fields @timestamp, execution_arn, type, details.name, details.error, details.cause
        | filter type like /Failed|TimedOut|Aborted/
        | sort @timestamp desc
      EOT
    }
  }
}

resource "aws_cloudwatch_query_definition" "this" {
  for_each = local.queries

  name            = "buyer-stage-${var.environment}/${each.key}"
  log_group_names = each.value.log_group_names
  query_string    = each.value.query
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = "buyer-stage-${var.environment}"

  dashboard_body = jsonencode({
    widgets = [
      for position, widget in local.widgets : {
        type       = try(widget.type, "metric")
        x          = (position % 2) * 12
        y          = floor(position / 2) * 6
        width      = 12
        height     = 6
        properties = merge({ title = widget.title }, try(widget.type, "metric") == "metric" ? { region = local.region } : {}, widget.properties)
      }
    ]
  })
}

locals {
  widgets = [
    {
      title = "Executions"
      properties = {
        stat   = "Sum"
        period = 3600
        metrics = concat([
          for pipeline, arn in var.state_machine_arns : [
            for outcome in ["Succeeded", "Failed", "TimedOut"] :
            ["AWS/States", "Executions${outcome}", "StateMachineArn", arn, { label = "${pipeline} ${lower(outcome)}" }]
          ]
        ]...)
      }
    },
    {
      title = "Execution duration"
      properties = {
        stat    = "Maximum"
        period  = 3600
        metrics = [for pipeline, arn in var.state_machine_arns : ["AWS/States", "ExecutionTime", "StateMachineArn", arn, { label = pipeline }]]
      }
    },
    {
      title = "Days that the live snapshot is behind, and days held"
      properties = {
        stat   = "Maximum"
        period = 3600
        metrics = [
          [var.metrics_namespace, "SnapshotsBehind", "service", local.freshness_metrics.service, { label = "days behind" }],
          [var.metrics_namespace, "DaysHeld", "service", local.push_metrics.service, { label = "held" }],
        ]
      }
    },
    {
      title = "Scored lines of the push"
      properties = {
        stat   = "Sum"
        period = 3600
        metrics = [
          for outcome in ["Read", "Written", "Unchanged", "Quarantined", "Failed", "Suppressed"] :
          [var.metrics_namespace, "ScoredLines${outcome}", "service", local.push_metrics.service, { label = lower(outcome) }]
        ]
      }
    },
    {
      title = "Items that the push corrected and deleted"
      properties = {
        stat   = "Sum"
        period = 3600
        metrics = [
          for outcome in ["Corrected", "Deleted"] :
          [var.metrics_namespace, "Items${outcome}", "service", local.push_metrics.service, { label = lower(outcome) }]
        ]
      }
    },
    {
      title = "Stages served"
      properties = {
        stat    = "Sum"
        period  = 3600
        stacked = true
        metrics = [
          for stage in local.stages :
          [var.metrics_namespace, "Members${stage}", "service", local.push_metrics.service, { label = stage }]
        ]
      }
    },
    {
      title = "Change events of the push"
      properties = {
        stat   = "Sum"
        period = 3600
        metrics = [
          for outcome in ["Sent", "Failed"] :
          [var.metrics_namespace, "ChangeEvents${outcome}", "service", local.push_metrics.service, { label = lower(outcome) }]
        ]
      }
    },
    {
      title = "Events that the rules of product teams delivered, or failed to deliver"
      properties = {
        # Teams make rules of their own, so search for them. EventBridge measures rules, not buses:
        # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
        metrics = [
          for metric, label in { Invocations = "delivered", FailedInvocations = "failed" } : [{
            expression = "SEARCH('{AWS/Events,EventBusName,RuleName} EventBusName=\"${var.event_bus_name}\" MetricName=\"${metric}\"', 'Sum', 3600)"
            label      = "${label}: $${PROP('Dim.RuleName')}"
          }]
        ]
      }
    },
    {
      title = "Drift since training, and flip rate"
      properties = {
        stat   = "Maximum"
        period = 3600
        metrics = concat(
          [for metric in ["StageMixPsi", "StageFlipRate"] : [var.metrics_namespace, metric, "service", local.drift_metrics.service]],
          [for metric in ["FeaturesDrifted", "FeaturesShifted"] : [var.metrics_namespace, metric, "service", local.drift_metrics.service, { yAxis = "right" }]],
        )
      }
    },
    {
      title = "Alarms"
      type  = "alarm"
      properties = {
        alarms = concat(
          [aws_cloudwatch_metric_alarm.snapshots_behind.arn],
          [for alarm in aws_cloudwatch_metric_alarm.function_failed : alarm.arn],
          values(aws_cloudwatch_metric_alarm.figure)[*].arn,
          values(aws_cloudwatch_metric_alarm.execution)[*].arn,
          values(aws_cloudwatch_metric_alarm.dead_letters)[*].arn,
        )
      }
    },
    {
      title = "Write units used, saved and throttled"
      properties = {
        stat   = "Sum"
        period = 3600
        metrics = [
          ["AWS/DynamoDB", "ConsumedWriteCapacityUnits", "TableName", var.table_name, { label = "used" }],
          # An item is smaller than 1 KB, so writing it takes one unit.
          [var.metrics_namespace, "ScoredLinesUnchanged", "service", local.push_metrics.service, { label = "saved" }],
          ["AWS/DynamoDB", "WriteThrottleEvents", "TableName", var.table_name, { label = "throttled" }],
        ]
      }
    },
  ]
}

resource "aws_budgets_budget" "this" {
  name         = "buyer-stage-${var.environment}"
  budget_type  = "COST"
  limit_amount = tostring(var.alerts.monthly_budget_usd)
  limit_unit   = "USD"
  time_unit    = "MONTHLY"

  cost_filter {
    name   = "TagKeyValue"
    values = [join("$", ["user:product", var.product])]
  }

  dynamic "notification" {
    for_each = toset(["ACTUAL", "FORECASTED"])

    content {
      notification_type         = notification.value
      comparison_operator       = "GREATER_THAN"
      threshold                 = 100
      threshold_type            = "PERCENTAGE"
      subscriber_sns_topic_arns = [var.topic_arn]
    }
  }
}
