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

variable "code_bucket" {
  description = "Bucket that holds the published code and the cluster's certificate."
  type        = string
}

variable "code_uri" {
  description = "Folder of the version to deploy (s3://), with a slash at its end."
  type        = string
}

variable "pipeline_bucket" {
  description = "Bucket that takes the features and the labeled set."
  type        = string
}

variable "datalake_bucket" {
  description = "Bucket of the data lake."
  type        = string
}

variable "survey_uri" {
  description = "The survey's answers (CSV, s3://)."
  type        = string
}

variable "send_sns_notification_arn" {
  description = "Function that says what failed, without a version."
  type        = string
}

variable "send_sns_notification_version_arn" {
  description = "Its version that the state machine calls."
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

variable "release" {
  description = "EMR release."
  type        = string
}

variable "cluster_minutes" {
  description = "Minutes that the steps of a run have together; then the cluster is terminated."
  type        = number
}

variable "subnet_ids" {
  description = "Subnets that the cluster may be in; empty for the default VPC's."
  type        = list(string)
}

variable "master_instance_types" {
  description = "Instance types of the master fleet."
  type        = list(string)
}

variable "core_instance_types" {
  description = "Instance types of the core fleet."
  type        = list(string)
}

variable "core_instance_count" {
  description = "Instances of the core fleet to begin with."
  type        = number
}

variable "core_instance_limit" {
  description = "Instances that managed scaling may reach."
  type        = number
}

variable "tags" {
  description = "Tags of the cluster, which the provider's default tags do not reach."
  type        = map(string)
}
