variable "environment" {
  description = "Which environment this is; part of every name."
  type        = string
}

variable "state_machine_name" {
  description = "Name of the state machine and of its role."
  type        = string
}

variable "template" {
  description = "File of the state machine's definition."
  type        = string
}

variable "snapshot_date" {
  description = "JSONata that gives the day to process, escaped for a JSON string."
  type        = string
}

variable "function_arns" {
  description = "Folder of lambdas/ -> ARN of the function, without a version."
  type        = map(string)
}

variable "function_version_arns" {
  description = "Folder of lambdas/ -> ARN of the version to call; the definition names functions by their folder."
  type        = map(string)
}

variable "model_package_group_name" {
  description = "Name of the group that models are registered in."
  type        = string
}

variable "sagemaker_vpc" {
  description = "Where SageMaker's jobs run; empty lists for no VPC of ours."
  type        = object({ subnet_ids = list(string), security_group_ids = list(string) })
}

variable "pipeline_bucket" {
  description = "Bucket that holds features, models and scores."
  type        = string
}

variable "kms_key_arn" {
  description = "Key that encrypts the bucket and the logs."
  type        = string
}

variable "permissions_boundary_arn" {
  description = "Policy that bounds the roles; null for none."
  type        = string
}

variable "log_retention_days" {
  description = "Days that logs are kept."
  type        = number
}

variable "automl_poll" {
  description = "How often (seconds) and how many times the Autopilot job is looked at."
  type        = object({ seconds = number, limit = number })
}

variable "transform_poll" {
  description = "How often (seconds) and how many times the batch transform is looked at."
  type        = object({ seconds = number, limit = number })
}

variable "upload_poll" {
  description = "How often (seconds) and how many times the push to DynamoDB is looked at."
  type        = object({ seconds = number, limit = number })
}
