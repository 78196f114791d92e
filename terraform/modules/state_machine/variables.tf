variable "name" {
  description = "Name of the state machine and of its role."
  type        = string
}

variable "definition" {
  description = "What it does (Amazon States Language)."
  type        = string
}

variable "policy" {
  description = "What its states may call (JSON); logs and traces are added."
  type        = string
}

variable "kms_key_arn" {
  description = "Key that encrypts the logs."
  type        = string
}

variable "permissions_boundary_arn" {
  description = "Policy that bounds the role; null for none."
  type        = string
}

variable "log_retention_days" {
  description = "Days that logs are kept."
  type        = number
}
