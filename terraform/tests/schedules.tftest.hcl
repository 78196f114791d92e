# Schedules start the pipelines and a function, and keep starts that fail.
mock_provider "aws" {
  source = "./tests"
}

variables {
  environment              = "qa"
  enabled                  = true
  kms_key_arn              = "arn:aws:kms:us-west-2:123456789012:key/environment"
  permissions_boundary_arn = "arn:aws:iam::123456789012:policy/boundary"
  schedules = {
    etl = {
      description = "ETL"
      alias_arn   = "arn:aws:states:us-west-2:123456789012:stateMachine:etl:live"
      action      = "states:StartExecution"
      input       = "{}"
      expression  = "cron(0 0/8 * * ? *)"
    }
    freshness = {
      description = "Freshness"
      alias_arn   = "arn:aws:lambda:us-west-2:123456789012:function:freshness:live"
      action      = "lambda:InvokeFunction"
      input       = "{\"execution_name\": \"<aws.scheduler.execution-id>\"}"
      expression  = "cron(30 * * * ? *)"
    }
  }
}

run "schedules_start_the_live_version_and_keep_failed_starts" {
  command = apply

  module {
    source = "./modules/schedules"
  }

  assert {
    condition = alltrue([
      for name, schedule in aws_scheduler_schedule.this :
      schedule.schedule_expression == var.schedules[name].expression &&
      schedule.schedule_expression_timezone == "UTC" &&
      schedule.state == "ENABLED" &&
      schedule.target[0].arn == var.schedules[name].alias_arn &&
      schedule.target[0].input == var.schedules[name].input &&
      schedule.target[0].dead_letter_config[0].arn == aws_sqs_queue.dead_letters[name].arn
    ])
    error_message = "A schedule has the wrong target or time, or loses a start that failed."
  }

  assert {
    condition     = alltrue([for queue in aws_sqs_queue.dead_letters : queue.kms_master_key_id == var.kms_key_arn])
    error_message = "A queue is not encrypted with the environment's key."
  }

  assert {
    condition = alltrue([
      for name, policy in data.aws_iam_policy_document.this :
      policy.statement[0].actions == toset([var.schedules[name].action]) &&
      policy.statement[0].resources == toset([var.schedules[name].alias_arn])
    ])
    error_message = "The role of a schedule can start something else."
  }
}

run "one_variable_turns_both_off" {
  command = plan

  module {
    source = "./modules/schedules"
  }

  variables {
    enabled = false
  }

  assert {
    condition     = alltrue([for schedule in aws_scheduler_schedule.this : schedule.state == "DISABLED"])
    error_message = "A schedule is still on."
  }
}
