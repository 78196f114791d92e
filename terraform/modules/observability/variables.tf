variable "environment" {
  description = "Which environment this is; part of every name."
  type        = string
}

variable "topic_arn" {
  description = "Topic that alarms go to."
  type        = string
}

variable "metrics_namespace" {
  description = "CloudWatch namespace of the functions' metrics."
  type        = string
}

variable "state_machine_arns" {
  description = "Pipeline (`etl`, `ml`) -> ARN of its state machine."
  type        = map(string)
}

variable "state_machine_log_group_names" {
  description = "Pipeline (`etl`, `ml`) -> log group of its state machine."
  type        = map(string)
}

variable "function_log_group_names" {
  description = "Log groups of the functions."
  type        = list(string)
}

variable "dead_letter_queue_names" {
  description = "Pipeline (`etl`, `ml`) -> queue of the starts that failed."
  type        = map(string)
}

variable "table_name" {
  description = "Table that product teams read."
  type        = string
}

variable "glue_job_name" {
  description = "Job that pushes stages to DynamoDB."
  type        = string
}

variable "stale_after_hours" {
  description = "Hours without a stage written after which the table counts as stale."
  type        = number
}

variable "rows_written_band" {
  description = "How many stages a day's push may write before somebody should look."
  type        = object({ minimum = number, maximum = number })
}

variable "maximum_flip_rate" {
  description = "Share of the members whose stage may change from one run to the next before somebody should look."
  type        = number
}

variable "monthly_budget_usd" {
  description = "What a month may cost, in US dollars."
  type        = number
}

variable "product" {
  description = "Value of the tag `product`, by which the budget finds its costs."
  type        = string
}
