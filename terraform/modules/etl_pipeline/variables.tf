variable "environment" {
  description = "Name of the environment. Every resource name includes it."
  type        = string
}

variable "state_machine_name" {
  description = "Name of the state machine and of its role."
  type        = string
}

variable "template" {
  description = "Path of the state machine's definition."
  type        = string
}

variable "snapshot_date" {
  description = "JSONata expression of the snapshot date, escaped for a JSON string."
  type        = string
}

variable "code_bucket" {
  description = "Bucket that holds the published code and the cluster's certificate."
  type        = string
}

variable "code_uri" {
  description = "S3 URI of the code version to deploy, with a slash at its end."
  type        = string
}

variable "pipeline_bucket" {
  description = "Bucket that receives the features and the labeled set."
  type        = string
}

variable "layout" {
  description = "S3 prefixes and keys from buyer_stage/domain/s3_layout.py. Prefixes end with a slash."
  type = object({
    datalake_tables = string
    features        = string
    raw_samples     = string
    train           = string
    validation      = string
    test            = string
    emr_logs        = string
    code            = string
    certificates    = string
    emr_certificate = string
    suppression     = string
  })
}

variable "datalake_bucket" {
  description = "Bucket of the data lake."
  type        = string
}

variable "survey_uri" {
  description = "S3 URI of the survey (CSV)."
  type        = string
}

variable "suppression_secret_arn" {
  description = "ARN of the secret with the key of the suppression list."
  type        = string
}

variable "function_arns" {
  description = "ARN of each function that the state machine calls without a version, by its folder in lambdas/."
  type        = map(string)
}

variable "function_version_arns" {
  description = "ARN of the version to call of each function, by its folder in lambdas/. The definition uses the same names."
  type        = map(string)
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the bucket, the cluster's disks and the logs."
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

variable "emr" {
  description = "Cluster that runs the Spark steps. See the root variable."
  type = object({
    release               = string
    cluster_minutes       = number
    subnet_ids            = list(string)
    master_instance_types = list(string)
    core_instance_types   = list(string)
    core_instance_count   = number
    core_instance_limit   = number
  })
}

variable "tags" {
  description = "Tags of the cluster. The provider's default tags do not apply to it, because Step Functions creates it."
  type        = map(string)
}
