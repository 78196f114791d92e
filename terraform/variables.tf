variable "environment" {
  description = "Which environment this is; part of every name."
  type        = string

  validation {
    condition     = contains(["local", "dev", "qa", "prod"], var.environment)
    error_message = "The environment is one of local, dev, qa, prod."
  }
}

variable "region" {
  description = "AWS region."
  type        = string
  default     = "us-west-2"
}

variable "owner" {
  description = "Tag: the team that answers for this product."
  type        = string
}

variable "product" {
  description = "Tag: the product that this belongs to."
  type        = string
  default     = "buyer-stage"
}

variable "component" {
  description = "Tag: the part of the product."
  type        = string
  default     = "pipelines"
}

variable "classification" {
  description = "Tag: how sensitive the data is."
  type        = string
  default     = "internal"
}

variable "permissions_boundary_arn" {
  description = "Policy that bounds every role; null for none."
  type        = string
  default     = null
}

variable "deletion_protection" {
  description = "Whether the table and a bucket that holds data refuse to be deleted."
  type        = bool
}

variable "log_retention_days" {
  description = "Days that logs are kept."
  type        = number
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731], var.log_retention_days)
    error_message = "CloudWatch Logs keeps logs for 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545 or 731 days."
  }
}

variable "log_level" {
  description = "Level of the functions' logs."
  type        = string
  default     = "INFO"

  validation {
    condition     = contains(["DEBUG", "INFO", "WARNING", "ERROR"], var.log_level)
    error_message = "The log level is one of DEBUG, INFO, WARNING, ERROR."
  }
}

variable "alert_emails" {
  description = "Addresses that failures are mailed to."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for address in var.alert_emails : can(regex("^[^@\\s]+@[^@\\s]+$", address))])
    error_message = "Each subscriber is an e-mail address."
  }
}

variable "datalake_bucket" {
  description = "Existing bucket of the data lake; the five behaviour summaries lie under cnsp/."
  type        = string
}

variable "survey_uri" {
  description = "The survey's answers (CSV, s3://); null for survey.csv in the data lake bucket."
  type        = string
  default     = null

  validation {
    condition     = var.survey_uri == null || can(regex("^s3://[^/]+/.+$", var.survey_uri))
    error_message = "The survey is an object: s3://bucket/key."
  }
}

variable "lag_days" {
  description = "How many days before the run the processed snapshot lies, in Mountain time."
  type        = number
  default     = 2

  validation {
    condition     = var.lag_days >= 0 && floor(var.lag_days) == var.lag_days
    error_message = "The lag is a whole number of days, 0 or more."
  }
}

variable "ttl_days" {
  description = "Days after which DynamoDB may delete an item that was not written again."
  type        = number

  validation {
    condition     = var.ttl_days >= 1
    error_message = "Items live for at least a day."
  }
}

variable "emr_release" {
  description = "EMR release; Spark 3.5."
  type        = string
  default     = "emr-7.10.0"

  validation {
    condition     = can(regex("^emr-7\\.[0-9]+\\.[0-9]+$", var.emr_release))
    error_message = "The steps are written for EMR 7."
  }
}

variable "emr_subnet_ids" {
  description = "Subnets for the cluster, tagged for-use-with-amazon-emr-managed-policies = true; empty for the default VPC's."
  type        = list(string)
  default     = []
}

variable "emr_master_instance_types" {
  description = "Instance types of the master fleet."
  type        = list(string)
  default     = ["m5.xlarge", "m5a.xlarge", "m6i.xlarge"]
}

variable "emr_core_instance_types" {
  description = "Instance types of the core fleet; several, so that spot capacity is found."
  type        = list(string)
  default     = ["r5.2xlarge", "r5a.2xlarge", "r6i.2xlarge"]
}

variable "emr_core_instance_count" {
  description = "Instances of the core fleet."
  type        = number
  default     = 2
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
  default     = "ml.m5.xlarge"
}

variable "transform_instance_count" {
  description = "Instances of the batch transform."
  type        = number
}

variable "glue_worker_count" {
  description = "Workers (G.1X) of the job that pushes to DynamoDB."
  type        = number
  default     = 10
}

variable "glue_max_retries" {
  description = "How often Glue runs a failed job again by itself."
  type        = number
  default     = 3
}

variable "write_partitions" {
  description = "Into how many partitions the push to DynamoDB is divided."
  type        = number
  default     = 70
}

variable "maximum_writes_per_second" {
  description = "Rate limit of the push to DynamoDB, over all partitions."
  type        = number
  default     = 4000
}

variable "automl_poll" {
  description = "How often (seconds) and how many times the Autopilot job is looked at."
  type        = object({ seconds = number, limit = number })
  default     = { seconds = 60, limit = 240 }
}

variable "transform_poll" {
  description = "How often (seconds) and how many times the batch transform is looked at."
  type        = object({ seconds = number, limit = number })
  default     = { seconds = 60, limit = 240 }
}

variable "upload_poll" {
  description = "How often (seconds) and how many times the push to DynamoDB is looked at."
  type        = object({ seconds = number, limit = number })
  default     = { seconds = 60, limit = 480 }
}
