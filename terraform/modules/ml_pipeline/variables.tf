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

variable "function_arns" {
  description = "ARN of each function without a version, by its folder in lambdas/."
  type        = map(string)
}

variable "function_version_arns" {
  description = "ARN of the version to call of each function, by its folder in lambdas/. The definition uses the same names."
  type        = map(string)
}

variable "model_package_group_name" {
  description = "Name of the model package group that models are registered in."
  type        = string
}

variable "sagemaker_vpc" {
  description = "Subnets and security groups of the SageMaker jobs. Empty lists run the jobs outside your VPC."
  type        = object({ subnet_ids = list(string), security_group_ids = list(string) })
}

variable "pipeline_bucket" {
  description = "Pipeline bucket."
  type        = string
}

variable "layout" {
  description = "S3 prefixes and keys from buyer_stage/domain/s3_layout.py. Prefixes end with a slash."
  type = object({
    features           = string
    training_channel   = string
    validation_channel = string
    holdout            = string
    automl_output      = string
    inference_results  = string
    holdout_scores     = string
  })
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the bucket and the logs."
  type        = string
}

variable "permissions_boundary_arn" {
  description = "ARN of the policy that limits every role."
  type        = string
}

variable "logs" {
  description = "Days to keep the logs of the state machine and of SageMaker, and whether to create SageMaker's log groups."
  type        = object({ retention_days = number, job_retention_days = number, sagemaker_groups = bool })
}

variable "job_prefix" {
  description = "Start of the names of the environment's SageMaker jobs and models."
  type        = string
}

variable "polls" {
  description = "Seconds between two checks of the daily data or of a job, and the maximum number of checks."
  type = object({
    daily_data = object({ seconds = number, limit = number })
    automl     = object({ seconds = number, limit = number })
    transform  = object({ seconds = number, limit = number })
    upload     = object({ seconds = number, limit = number })
  })
}
