variable "environment" {
  description = "Name of the environment. Every resource name includes it."
  type        = string
}

variable "enabled" {
  description = "Whether the schedules are on."
  type        = bool
}

variable "schedules" {
  description = <<-EOT
    What to start, and when:
    description: what the schedule is for.
    alias_arn: alias of the state machine or function to start.
    action: action that starts it, which the schedule's role is allowed.
    input: input to start it with, as JSON. EventBridge Scheduler replaces <aws.scheduler.execution-id>.
    expression: EventBridge Scheduler expression in UTC.
  EOT
  type        = map(object({ description = string, alias_arn = string, action = string, input = string, expression = string }))
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts schedules and queues."
  type        = string
}

variable "permissions_boundary_arn" {
  description = "ARN of the policy that limits every role."
  type        = string
}
