variable "table_name" {
  description = "Name of the table."
  type        = string
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the table."
  type        = string
}

variable "deletion_protection" {
  description = "Whether to refuse to delete the table."
  type        = bool
}

variable "reader_principal_arns" {
  description = "ARNs of the IAM roles and users that can read single items, and do nothing else with the table."
  type        = list(string)
}
