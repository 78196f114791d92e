variable "name" {
  description = "Name of the role."
  type        = string
}

variable "service" {
  description = "Service principal that takes the role, such as lambda.amazonaws.com."
  type        = string
}

variable "source_arn" {
  description = "ARN of the only resource on whose behalf the service can take the role. Null allows every resource in this account."
  type        = string
  default     = null
}

variable "policy" {
  description = "Inline policy of the role, as JSON."
  type        = string
}

variable "permissions_boundary_arn" {
  description = "ARN of the policy that limits the role."
  type        = string
}
