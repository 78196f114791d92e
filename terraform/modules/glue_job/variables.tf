variable "job_name" {
  description = "Name of the job and of its role."
  type        = string
}

variable "code_bucket" {
  description = "Bucket that holds the published code."
  type        = string
}

variable "code_uri" {
  description = "S3 URI of the code version to deploy, with a slash at its end."
  type        = string
}

variable "pipeline_bucket" {
  description = "Bucket that holds scored lines, and receives receipts and quarantined lines."
  type        = string
}

variable "layout" {
  description = "S3 prefixes and keys from buyer_stage/domain/s3_layout.py. Prefixes end with a slash."
  type = object({
    code              = string
    feature_manifests = string
    inference_results = string
    quarantine        = string
    push_receipts     = string
    served_items      = string
    stage_changes     = string
    serving           = string
    suppression       = string
  })
}

variable "table_name" {
  description = "Name of the DynamoDB table."
  type        = string
}

variable "table_arn" {
  description = "ARN of the DynamoDB table."
  type        = string
}

variable "event_bus_name" {
  description = "Name of the event bus."
  type        = string
}

variable "event_bus_arn" {
  description = "ARN of the event bus."
  type        = string
}

variable "suppression_secret_arn" {
  description = "ARN of the secret with the key of the suppression list."
  type        = string
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the bucket, the table and the logs."
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

variable "push" {
  description = "Size and limits of the push. See the root variable."
  type = object({
    worker_count              = number
    max_retries               = number
    maximum_writes_per_second = number
    maximum_events_per_second = number
    refresh_margin_days       = number
    probability_tolerance     = number
  })
}

variable "audit_limits" {
  description = "Limits of the rules that a day must keep: the attributes of AuditLimits in buyer_stage/domain/audit.py."
  type        = map(number)
}
