variable "environment" {
  description = "Which environment this is; part of every name."
  type        = string
}

variable "packages_directory" {
  description = "What tools/package.py built: its hashes tell when a function changes."
  type        = string
}

variable "code_bucket" {
  description = "Bucket that holds the published code."
  type        = string
}

variable "code_prefix" {
  description = "Folder of the version to deploy in that bucket, with a slash at its end."
  type        = string
}

variable "metrics_namespace" {
  description = "CloudWatch namespace of the functions' metrics."
  type        = string
}

variable "permissions_boundary_arn" {
  description = "Policy that bounds the roles; null for none."
  type        = string
}

variable "kms_key_arn" {
  description = "Key that encrypts environment variables, logs and all that the functions read and write."
  type        = string
}

variable "log_level" {
  description = "Level of the logs."
  type        = string
}

variable "log_retention_days" {
  description = "Days that logs are kept."
  type        = number
}

variable "pipeline_bucket" {
  description = "Bucket that holds features, models and scores."
  type        = string
}

variable "topic_arn" {
  description = "Topic that failures are published to."
  type        = string
}

variable "glue_max_retries" {
  description = "How often Glue tries a failed run again."
  type        = number
}

variable "glue_job_name" {
  description = "Job that pushes stages to DynamoDB."
  type        = string
}

variable "sagemaker_role_arn" {
  description = "Role of the Autopilot and transform jobs."
  type        = string
}

variable "model_package_group_name" {
  description = "Where models are registered."
  type        = string
}

variable "maximum_model_age_days" {
  description = "Days after which another model is trained."
  type        = number
}

variable "retrain_on_drift" {
  description = "Whether drift leads to another training, when there is more to learn from."
  type        = bool
}

variable "sagemaker_vpc" {
  description = "Where SageMaker's jobs run; empty lists for no VPC of ours."
  type        = object({ subnet_ids = list(string), security_group_ids = list(string) })
}

variable "automl_max_candidates" {
  description = "How many candidates Autopilot may try."
  type        = number
}

variable "automl_max_runtime_seconds" {
  description = "How long Autopilot may search."
  type        = number
}

variable "transform_instance_type" {
  description = "Instance type of the batch transform."
  type        = string
}

variable "transform_instance_count" {
  description = "Instances of the batch transform."
  type        = number
}

variable "ttl_days" {
  description = "Days after which DynamoDB may delete an item that was not written again."
  type        = number
}
