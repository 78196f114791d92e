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

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "A region is written like us-west-2."
  }
}

variable "owner" {
  description = "Tag: the team that answers for this product."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9 _.:/=+@-]{0,255}$", var.owner))
    error_message = "A tag's value is 1 to 256 letters, digits, spaces and _.:/=+@-."
  }
}

variable "product" {
  description = "Tag: the product that this belongs to."
  type        = string
  default     = "buyer-stage"

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9 _.:/=+@-]{0,255}$", var.product))
    error_message = "A tag's value is 1 to 256 letters, digits, spaces and _.:/=+@-."
  }
}

variable "component" {
  description = "Tag: the part of the product."
  type        = string
  default     = "pipelines"

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9 _.:/=+@-]{0,255}$", var.component))
    error_message = "A tag's value is 1 to 256 letters, digits, spaces and _.:/=+@-."
  }
}

variable "classification" {
  description = "Tag: how sensitive the data is."
  type        = string
  default     = "internal"

  validation {
    condition     = contains(["public", "internal", "confidential", "restricted"], var.classification)
    error_message = "The classification is one of public, internal, confidential, restricted."
  }
}

variable "permissions_boundary_arn" {
  description = "Policy that bounds every role; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary_arn == null || can(regex("^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/.+$", var.permissions_boundary_arn))
    error_message = "The boundary is the ARN of a policy."
  }
}

variable "deletion_protection" {
  description = "Whether the table and a bucket that holds data refuse to be deleted."
  type        = bool
}

variable "log_retention_days" {
  description = "Days that logs are kept."
  type        = number
  default     = 365

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
  description = "Existing bucket of the data lake; the five behavior summaries lie under cnsp/."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.datalake_bucket))
    error_message = "This is no name of a bucket."
  }
}

variable "survey_uri" {
  description = "The survey's answers (CSV, s3://), alone in their folder; null for survey/survey.csv in the data lake bucket."
  type        = string
  default     = null

  validation {
    condition     = var.survey_uri == null || can(regex("^s3://[^/]+/.+/[^/]+$", var.survey_uri))
    error_message = "The survey is an object in a folder: s3://bucket/folder/file."
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

variable "snapshots_before_stage_change" {
  description = "Snapshots in a row that must name another stage before a member's changes; 1 changes it at once."
  type        = number
  default     = 1

  validation {
    condition     = var.snapshots_before_stage_change >= 1 && floor(var.snapshots_before_stage_change) == var.snapshots_before_stage_change
    error_message = "A stage changes after a whole number of runs, 1 or more."
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

variable "emr_cluster_minutes" {
  description = "Minutes that the steps of a run have together on their cluster."
  type        = number
  default     = 60

  validation {
    condition     = var.emr_cluster_minutes >= 1 && var.emr_cluster_minutes <= 75
    error_message = "The cluster's minutes, the 30 that it may take to start and the 15 to end must fit into the execution's 120."
  }
}

variable "emr_subnet_ids" {
  description = "Subnets for the cluster, tagged for-use-with-amazon-emr-managed-policies = true; empty for the default VPC's."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for id in var.emr_subnet_ids : can(regex("^subnet-[0-9a-f]+$", id))])
    error_message = "Each is the id of a subnet."
  }
}

variable "emr_master_instance_types" {
  description = "Instance types of the master fleet."
  type        = list(string)
  default     = ["m5.xlarge", "m5a.xlarge", "m6i.xlarge"]

  validation {
    condition     = length(var.emr_master_instance_types) >= 1 && length(var.emr_master_instance_types) <= 5
    error_message = "A fleet has one to five instance types."
  }
}

variable "emr_core_instance_types" {
  description = "Instance types of the core fleet; several, so that spot capacity is found."
  type        = list(string)
  default     = ["r5.2xlarge", "r5a.2xlarge", "r6i.2xlarge"]

  validation {
    condition     = length(var.emr_core_instance_types) >= 1 && length(var.emr_core_instance_types) <= 5
    error_message = "A fleet has one to five instance types."
  }
}

variable "emr_core_instance_count" {
  description = "Instances of the core fleet."
  type        = number
  default     = 2

  validation {
    condition     = var.emr_core_instance_count >= 1 && floor(var.emr_core_instance_count) == var.emr_core_instance_count
    error_message = "A fleet has at least one instance."
  }
}

variable "emr_core_instance_limit" {
  description = "Instances that managed scaling may reach."
  type        = number
  default     = 6

  validation {
    condition     = var.emr_core_instance_limit >= 1 && floor(var.emr_core_instance_limit) == var.emr_core_instance_limit
    error_message = "A fleet has at least one instance."
  }
}

variable "sagemaker_vpc" {
  description = "Where SageMaker's jobs run: subnets and security groups; left out for no VPC of ours."
  type = object({
    subnet_ids         = optional(list(string), [])
    security_group_ids = optional(list(string), [])
  })
  default = {}

  validation {
    condition     = (length(var.sagemaker_vpc.subnet_ids) == 0) == (length(var.sagemaker_vpc.security_group_ids) == 0)
    error_message = "A VPC needs both subnets and security groups."
  }
}

variable "automl_max_candidates" {
  description = "How many candidates Autopilot may try."
  type        = number

  validation {
    condition     = var.automl_max_candidates >= 1 && floor(var.automl_max_candidates) == var.automl_max_candidates && var.automl_max_candidates <= 750
    error_message = "Autopilot tries 1 to 750 candidates."
  }
}

variable "automl_max_runtime_seconds" {
  description = "How long Autopilot may search."
  type        = number

  validation {
    condition     = var.automl_max_runtime_seconds >= 1
    error_message = "Autopilot needs some time."
  }
}

variable "maximum_model_age_days" {
  description = "Days after the last attempt at a model, after which the daily run trains another."
  type        = number
  default     = 30

  validation {
    condition     = var.maximum_model_age_days >= 1
    error_message = "A model lives for a day at least."
  }
}

variable "retrain_on_drift" {
  description = "Whether members who have drifted from those that the model was made from lead to another training, once the labeled set has changed since the last one."
  type        = bool
  default     = true
}

variable "transform_instance_type" {
  description = "Instance type of the batch transform."
  type        = string
  default     = "ml.m5.xlarge"

  validation {
    condition     = startswith(var.transform_instance_type, "ml.")
    error_message = "Instance types of SageMaker begin with ml."
  }
}

variable "transform_instance_count" {
  description = "Instances of the batch transform."
  type        = number

  validation {
    condition     = var.transform_instance_count >= 1 && floor(var.transform_instance_count) == var.transform_instance_count
    error_message = "A transform has at least one instance."
  }
}

variable "glue_worker_count" {
  description = "Workers (G.1X) of the job that pushes to DynamoDB."
  type        = number
  default     = 10

  validation {
    condition     = var.glue_worker_count >= 2 && floor(var.glue_worker_count) == var.glue_worker_count
    error_message = "A Spark job of Glue has at least two workers."
  }
}

variable "glue_max_retries" {
  description = "How often Glue runs a failed job again by itself."
  type        = number
  default     = 3

  validation {
    condition     = var.glue_max_retries >= 0 && floor(var.glue_max_retries) == var.glue_max_retries && var.glue_max_retries <= 10
    error_message = "Glue retries a run 0 to 10 times."
  }
}

variable "write_partitions" {
  description = "Into how many partitions the push to DynamoDB is divided."
  type        = number
  default     = 70

  validation {
    condition     = var.write_partitions >= 1 && floor(var.write_partitions) == var.write_partitions
    error_message = "There is at least one partition."
  }
}

variable "maximum_writes_per_second" {
  description = "Rate limit of the push to DynamoDB, over all partitions."
  type        = number
  default     = 4000

  validation {
    condition     = var.maximum_writes_per_second >= 1
    error_message = "At least one write a second."
  }
}

variable "automl_poll" {
  description = "How often (seconds) and how many times the Autopilot job is looked at."
  type        = object({ seconds = number, limit = number })
  default     = { seconds = 60, limit = 240 }

  validation {
    condition     = var.automl_poll.seconds >= 1 && var.automl_poll.limit >= 1
    error_message = "Waits are of whole seconds, and there is at least one look."
  }
}

variable "transform_poll" {
  description = "How often (seconds) and how many times the batch transform is looked at."
  type        = object({ seconds = number, limit = number })
  default     = { seconds = 60, limit = 240 }

  validation {
    condition     = var.transform_poll.seconds >= 1 && var.transform_poll.limit >= 1
    error_message = "Waits are of whole seconds, and there is at least one look."
  }
}

variable "upload_poll" {
  description = "How often (seconds) and how many times the push to DynamoDB is looked at."
  type        = object({ seconds = number, limit = number })
  default     = { seconds = 60, limit = 480 }

  validation {
    condition     = var.upload_poll.seconds >= 1 && var.upload_poll.limit >= 1
    error_message = "Waits are of whole seconds, and there is at least one look."
  }
}

variable "schedules_enabled" {
  description = "Whether the schedules start the pipelines."
  type        = bool
}

variable "etl_schedule" {
  description = "When the ETL runs (EventBridge Scheduler, UTC). By default every 8 hours, so that the ML run finds a fresh set."
  type        = string
  default     = "cron(0 0/8 * * ? *)"

  validation {
    condition     = can(regex("^(rate|cron|at)\\(.+\\)$", var.etl_schedule))
    error_message = "A schedule is rate(...), cron(...) or at(...)."
  }
}

variable "ml_schedule" {
  description = "When the ML pipeline runs (EventBridge Scheduler, UTC)."
  type        = string
  default     = "cron(0 10 * * ? *)"

  validation {
    condition     = can(regex("^(rate|cron|at)\\(.+\\)$", var.ml_schedule))
    error_message = "A schedule is rate(...), cron(...) or at(...)."
  }
}

variable "stale_after_hours" {
  description = "Hours without a stage written after which the table counts as stale. 28: with the daily run at 10:00 UTC, by 14:00 UTC of the day that was missed, plus what the last run took."
  type        = number
  default     = 28

  validation {
    condition     = var.stale_after_hours >= 2 && var.stale_after_hours <= 168
    error_message = "An alarm looks back 2 to 168 hours."
  }
}

variable "rows_written_band" {
  description = "How many stages a day's push may write before somebody should look."
  type        = object({ minimum = number, maximum = number })

  validation {
    condition     = var.rows_written_band.minimum >= 0 && var.rows_written_band.minimum < var.rows_written_band.maximum
    error_message = "The minimum lies below the maximum."
  }
}

variable "maximum_flip_rate" {
  description = "Share of the members whose stage may change from one run to the next before somebody should look. 0.15: four times what the original study's members show from day to day."
  type        = number
  default     = 0.15

  validation {
    condition     = var.maximum_flip_rate > 0 && var.maximum_flip_rate <= 1
    error_message = "A share lies above 0 and is 1 at most."
  }
}

variable "monthly_budget_usd" {
  description = "What a month may cost, in US dollars; a forecast above it sends an alert."
  type        = number

  validation {
    condition     = var.monthly_budget_usd > 0
    error_message = "A budget is more than nothing."
  }
}

variable "athena_bytes_scanned_limit" {
  description = "Bytes that one Athena query may read before it is stopped."
  type        = number
  default     = 1099511627776

  validation {
    condition     = var.athena_bytes_scanned_limit >= 10485760
    error_message = "Athena's smallest limit is 10 MB."
  }
}
