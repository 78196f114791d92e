variable "role_name" {
  description = "Name of the role."
  type        = string
}

variable "principal_arns" {
  description = "ARNs of the principals that can take the role: one or more."
  type        = list(string)
}

variable "pipeline_bucket" {
  description = "Name of the pipeline bucket."
  type        = string
}

variable "layout" {
  description = "Prefixes in the pipeline bucket, from build/packages/s3_layout.json."
  type = object({
    features          = string
    raw_samples       = string
    train             = string
    validation        = string
    test              = string
    automl_output     = string
    holdout_scores    = string
    inference_results = string
    quarantine        = string
    served_items      = string
    stage_changes     = string
    athena_results    = string
    suppression       = string
    erasure_receipts  = string
  })
}

variable "suppression_secret_arn" {
  description = "ARN of the secret with the key of the suppression list."
  type        = string
}

variable "table_arn" {
  description = "ARN of the serving table."
  type        = string
}

variable "state_machine_arns" {
  description = "ARNs of the state machines of both pipelines."
  type        = list(string)
}

variable "model_package_group_arn" {
  description = "ARN of the model package group."
  type        = string
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the bucket, the table and the secret."
  type        = string
}

variable "permissions_boundary_arn" {
  description = "ARN of the policy that limits the role."
  type        = string
}
