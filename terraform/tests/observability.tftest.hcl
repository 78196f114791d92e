# The alarm on freshness rings when the table is behind, and when nothing says that it is not.
mock_provider "aws" {
  source = "./tests"
}

variables {
  environment                   = "qa"
  topic_arn                     = "arn:aws:sns:us-west-2:123456789012:buyer-stage-alerts-qa"
  metrics_namespace             = "BuyerStage/qa"
  state_machine_arns            = { ml = "arn:aws:states:us-west-2:123456789012:stateMachine:ml" }
  state_machine_log_group_names = {}
  function_log_group_names      = []
  dead_letter_queue_names       = {}
  table_name                    = "table"
  glue_job_name                 = "job"
  lookup_function_name          = "lookup"
  receipt_function_name         = "receipt"
  event_bus_name                = "buyer-stage-qa"
  alerts                        = { maximum_flip_rate = 0.15, monthly_budget_usd = 100 }
  product                       = "buyer-stage"
}

run "table_that_is_one_snapshot_behind_or_not_reported_is_an_alarm" {
  command = plan

  module {
    source = "./modules/observability"
  }

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.snapshots_behind.comparison_operator == "GreaterThanOrEqualToThreshold" &&
      aws_cloudwatch_metric_alarm.snapshots_behind.threshold == 1 &&
      aws_cloudwatch_metric_alarm.snapshots_behind.treat_missing_data == "breaching"
    )
    error_message = "A table that is behind, or whose freshness is unknown, raises no alarm."
  }

  # The function reports once an hour.
  assert {
    condition = (
      aws_cloudwatch_metric_alarm.snapshots_behind.period == 3600 &&
      aws_cloudwatch_metric_alarm.snapshots_behind.evaluation_periods >= 2
    )
    error_message = "The alarm rings in every hour until the function has reported."
  }

  assert {
    condition = alltrue([
      for name, threshold in { days-held = 0, change-events-failed = 0, ttl-extended = 0, stage-churn = 0.15 } :
      aws_cloudwatch_metric_alarm.figure[name].threshold == threshold &&
      aws_cloudwatch_metric_alarm.figure[name].treat_missing_data == "notBreaching"
    ])
    error_message = "A held day, an extension or many changed stages raise no alarm, or no run raises one."
  }
}

run "dashboard_shows_what_became_of_change_events" {
  command = plan

  module {
    source = "./modules/observability"
  }

  assert {
    condition = toset([
      for metric in one([for widget in local.widgets : widget.properties.metrics if widget.title == "Change events of the push"]) : metric[1]
    ]) == toset(["ChangeEventsSent", "ChangeEventsFailed"])
    error_message = "The dashboard does not show how many change events were sent and how many failed."
  }

  assert {
    condition = length([
      for metric in flatten([for widget in local.widgets : widget.properties.metrics if startswith(widget.title, "Events that the rules")]) :
      metric if strcontains(metric.expression, "EventBusName=\"buyer-stage-qa\" MetricName=\"FailedInvocations\"")
    ]) == 1
    error_message = "The dashboard does not show which events did not reach a product team."
  }
}
