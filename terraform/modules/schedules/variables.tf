variable "environment" {
  description = "Which environment this is; part of every name."
  type        = string
}

variable "enabled" {
  description = "Whether the schedules start anything."
  type        = bool
}

variable "schedules" {
  description = "Pipeline (`etl`, `ml`) -> what to start and when (an expression of EventBridge Scheduler, in UTC)."
  type        = map(object({ description = string, alias_arn = string, expression = string }))
}

variable "kms_key_arn" {
  description = "Key that encrypts schedules and queues."
  type        = string
}

variable "permissions_boundary_arn" {
  description = "Policy that bounds the roles; null for none."
  type        = string
}
