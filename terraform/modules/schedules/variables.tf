variable "environment" {
  description = "Name of the environment. Every resource name includes it."
  type        = string
}

variable "enabled" {
  description = "Whether the schedules are on."
  type        = bool
}

variable "schedules" {
  description = "State machine to start for each pipeline (etl, ml), and when: an EventBridge Scheduler expression in UTC."
  type        = map(object({ description = string, alias_arn = string, expression = string }))
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts schedules and queues."
  type        = string
}

variable "permissions_boundary_arn" {
  description = "ARN of the policy that limits every role."
  type        = string
}
