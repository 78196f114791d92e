variable "name" {
  description = "Name of the state machine and of its role."
  type        = string
}

variable "definition" {
  description = "Definition in Amazon States Language (JSON)."
  type        = string
}

variable "policy" {
  description = "Policy of the role (JSON). The module adds permissions for logs and traces."
  type        = string
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the logs."
  type        = string
}

variable "permissions_boundary_arn" {
  description = "ARN of the policy that limits every role."
  type        = string
}

variable "log_retention_days" {
  description = "Days to keep logs."
  type        = number
}
