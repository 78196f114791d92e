variable "table_name" {
  description = "Name of the table."
  type        = string
}

variable "kms_key_arn" {
  description = "Key that encrypts the table."
  type        = string
}

variable "deletion_protection" {
  description = "Whether the table refuses to be deleted."
  type        = bool
}
