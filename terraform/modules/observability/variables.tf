variable "environment" {
  description = "Name of the environment. Every resource name includes it."
  type        = string
}

variable "topic_arn" {
  description = "ARN of the topic that receives alerts."
  type        = string
}

variable "metrics_namespace" {
  description = "CloudWatch namespace of the functions' metrics."
  type        = string
}

variable "state_machine_arns" {
  description = "ARN of the state machine of each pipeline (etl, ml)."
  type        = map(string)
}

variable "state_machine_log_group_names" {
  description = "Log group of the state machine of each pipeline (etl, ml)."
  type        = map(string)
}

variable "lookup_function_name" {
  description = "Name of the function that answers product teams."
  type        = string
}

variable "event_bus_name" {
  description = "Name of the event bus on which product teams make rules."
  type        = string
}

variable "function_log_group_names" {
  description = "Log groups of the functions."
  type        = list(string)
}

variable "dead_letter_queue_names" {
  description = "Dead-letter queue of each schedule (etl, ml, freshness)."
  type        = map(string)
}

variable "table_name" {
  description = "Name of the DynamoDB table."
  type        = string
}

variable "glue_job_name" {
  description = "Name of the Glue job that pushes stages to DynamoDB."
  type        = string
}

variable "receipt_function_name" {
  description = "Function that writes the receipts of executions."
  type        = string
}

variable "alerts" {
  description = "Thresholds of alarms and budget. See the root variable."
  type = object({
    maximum_flip_rate  = number
    monthly_budget_usd = number
  })
}

variable "product" {
  description = "Value of the tag product, by which the budget filters costs."
  type        = string
}
