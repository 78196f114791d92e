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

variable "packages_directory" {
  description = "What tools/package.py built; all of it goes into the bucket."
  type        = string
}

variable "code_version" {
  description = "Names the folder of the code in the bucket."
  type        = string

  validation {
    condition     = can(regex("^[0-9A-Za-z][0-9A-Za-z._+-]*$", var.code_version))
    error_message = "A version is made of letters, digits, dots, dashes, underscores and plus signs."
  }
}
