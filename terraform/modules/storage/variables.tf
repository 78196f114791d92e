variable "bucket_name" {
  description = "Name of the pipeline bucket."
  type        = string
}

variable "layout" {
  description = "S3 prefixes and keys from buyer_stage/domain/s3_layout.py. Prefixes end with a slash."
  type = object({
    features          = string
    raw_samples       = string
    inference_results = string
    quarantine        = string
    push_receipts     = string
    served_items      = string
    stage_changes     = string
    drift_reports     = string
    run_receipts      = string
    emr_logs          = string
    athena_results    = string
  })
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the bucket and the secret."
  type        = string
}

variable "force_destroy" {
  description = "Whether Terraform can delete the bucket while it holds objects."
  type        = bool
}

variable "suppression_secret_name" {
  description = "Name of the secret with the key of the suppression list."
  type        = string
}
