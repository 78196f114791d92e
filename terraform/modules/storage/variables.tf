variable "bucket_name" {
  description = "Name of the pipeline bucket."
  type        = string
}

variable "kms_key_arn" {
  description = "Key that encrypts the bucket."
  type        = string
}

variable "force_destroy" {
  description = "Whether the bucket may be deleted with what it holds."
  type        = bool
}
