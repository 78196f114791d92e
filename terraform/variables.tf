variable "environment" {
  description = "Name of the environment: local, dev, qa or prod. Every resource name includes it."
  type        = string

  validation {
    condition     = contains(["local", "dev", "qa", "prod"], var.environment)
    error_message = "environment must be local, dev, qa or prod."
  }
}

variable "region" {
  description = "AWS Region."
  type        = string
  default     = "us-west-2"

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be the name of an AWS Region, such as us-west-2."
  }
}

variable "tags" {
  description = <<-EOT
    Values of the tags that every resource carries:
    owner: team that is responsible for the product.
    product: product that the resources belong to. The budget filters costs by this tag.
    component: part of the product.
    classification: sensitivity of the data. One of public, internal, confidential, restricted.
  EOT
  type = object({
    owner          = string
    product        = optional(string, "buyer-stage")
    component      = optional(string, "pipelines")
    classification = optional(string, "confidential")
  })

  validation {
    condition = alltrue([
      for value in [var.tags.owner, var.tags.product, var.tags.component] :
      can(regex("^[A-Za-z0-9][A-Za-z0-9 _.:/=+@-]{0,255}$", value))
    ])
    error_message = "tags.owner, tags.product and tags.component must start with a letter or digit and contain 1 to 256 letters, digits, spaces or _.:/=+@-."
  }

  validation {
    condition     = contains(["public", "internal", "confidential", "restricted"], var.tags.classification)
    error_message = "tags.classification must be public, internal, confidential or restricted."
  }
}

variable "deletion_protection" {
  description = "Whether to refuse to delete the table, or a bucket that holds data."
  type        = bool
}

variable "logs" {
  description = <<-EOT
    Logs:
    level: log level of the functions.
    retention_days: days to keep the logs of functions and state machines.
    job_retention_days: days to keep the logs of Glue and SageMaker jobs.
    sagemaker_groups: whether to create SageMaker's log groups, which all environments of an account share. True in exactly one of them.
  EOT
  type = object({
    level              = optional(string, "INFO")
    retention_days     = optional(number, 365)
    job_retention_days = optional(number, 90)
    sagemaker_groups   = optional(bool, true)
  })
  default = {}

  validation {
    condition     = contains(["DEBUG", "INFO", "WARNING", "ERROR"], var.logs.level)
    error_message = "logs.level must be DEBUG, INFO, WARNING or ERROR."
  }

  validation {
    condition = alltrue([
      for days in [var.logs.retention_days, var.logs.job_retention_days] :
      contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731], days)
    ])
    error_message = "logs.retention_days and logs.job_retention_days must be 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545 or 731, as CloudWatch Logs requires."
  }
}

variable "existing_trail_arn" {
  description = "ARN of a CloudTrail trail that records the data events of the pipeline bucket and the table. Null creates a trail."
  type        = string
  default     = null

  validation {
    condition     = var.existing_trail_arn == null || can(regex("^arn:aws[a-z-]*:cloudtrail:[a-z0-9-]+:[0-9]{12}:trail/.+$", var.existing_trail_arn))
    error_message = "existing_trail_arn must be the ARN of a CloudTrail trail, or null."
  }
}

variable "datalake" {
  description = <<-EOT
    The data lake, which other teams own:
    bucket: existing bucket that holds the behavior summaries.
    survey_uri: S3 URI of the survey (CSV). It must be the only file in its folder. Null means survey/survey.csv in the data lake's bucket.
    lag_days: days between the snapshot to process and the day of the run, in Mountain Time. At least 0.
  EOT
  type = object({
    bucket     = string
    survey_uri = optional(string)
    lag_days   = optional(number, 2)
  })

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.datalake.bucket))
    error_message = "datalake.bucket is not a valid bucket name."
  }

  validation {
    condition     = var.datalake.survey_uri == null || can(regex("^s3://[^/]+/.+/[^/]+$", var.datalake.survey_uri))
    error_message = "datalake.survey_uri must name a file in a folder, as s3://bucket/folder/file, or be null."
  }

  validation {
    condition     = var.datalake.lag_days >= 0 && floor(var.datalake.lag_days) == var.datalake.lag_days
    error_message = "datalake.lag_days must be a whole number of at least 0."
  }
}

variable "emr" {
  description = <<-EOT
    Cluster that runs the Spark steps of an ETL execution:
    release: EMR 7 release. It determines the version of Spark.
    cluster_minutes: minutes that all steps of an execution can take together. 1 to 75.
    subnet_ids: subnets of the cluster. Tag them for-use-with-amazon-emr-managed-policies = true. Empty means the default VPC, which prod must not use.
    master_instance_types: 1 to 5 instance types of the master fleet.
    core_instance_types: 1 to 5 instance types of the core fleet. More types make spot capacity easier to find.
    core_instance_count: instances in the core fleet at the start. At least 1.
    core_instance_limit: instances that managed scaling can reach. At least 1.
  EOT
  type = object({
    release               = optional(string, "emr-7.10.0")
    cluster_minutes       = optional(number, 60)
    subnet_ids            = optional(list(string), [])
    master_instance_types = optional(list(string), ["m5.xlarge", "m5a.xlarge", "m6i.xlarge"])
    core_instance_types   = optional(list(string), ["r5.2xlarge", "r5a.2xlarge", "r6i.2xlarge"])
    core_instance_count   = optional(number, 2)
    core_instance_limit   = optional(number, 6)
  })
  default = {}

  validation {
    condition     = can(regex("^emr-7\\.[0-9]+\\.[0-9]+$", var.emr.release))
    error_message = "emr.release must be an EMR 7 release, such as emr-7.10.0."
  }

  validation {
    condition     = var.emr.cluster_minutes >= 1 && var.emr.cluster_minutes <= 75
    error_message = "emr.cluster_minutes must be 1 to 75. With 30 minutes to start the cluster and 15 to end it, an execution has to fit into 120 minutes."
  }

  validation {
    condition     = alltrue([for id in var.emr.subnet_ids : can(regex("^subnet-[0-9a-f]+$", id))])
    error_message = "emr.subnet_ids must contain subnet IDs, such as subnet-0a1b2c3d."
  }

  validation {
    condition     = var.environment != "prod" || length(var.emr.subnet_ids) > 0
    error_message = "prod must not run in the default VPC: set emr.subnet_ids to private subnets in terraform/environments/prod.tfvars."
  }

  validation {
    condition     = length(var.emr.master_instance_types) >= 1 && length(var.emr.master_instance_types) <= 5
    error_message = "emr.master_instance_types must contain 1 to 5 instance types."
  }

  validation {
    condition     = length(var.emr.core_instance_types) >= 1 && length(var.emr.core_instance_types) <= 5
    error_message = "emr.core_instance_types must contain 1 to 5 instance types."
  }

  validation {
    condition     = var.emr.core_instance_count >= 1 && floor(var.emr.core_instance_count) == var.emr.core_instance_count
    error_message = "emr.core_instance_count must be a whole number of at least 1."
  }

  validation {
    condition     = var.emr.core_instance_limit >= 1 && floor(var.emr.core_instance_limit) == var.emr.core_instance_limit
    error_message = "emr.core_instance_limit must be a whole number of at least 1."
  }
}

variable "sagemaker_vpc" {
  description = "Subnets and security groups of the SageMaker jobs. Leave both empty to run the jobs outside your VPC, which prod must not do."
  type = object({
    subnet_ids         = optional(list(string), [])
    security_group_ids = optional(list(string), [])
  })
  default = {}

  validation {
    condition     = (length(var.sagemaker_vpc.subnet_ids) == 0) == (length(var.sagemaker_vpc.security_group_ids) == 0)
    error_message = "sagemaker_vpc needs both subnet_ids and security_group_ids, or neither."
  }

  validation {
    condition     = var.environment != "prod" || length(var.sagemaker_vpc.subnet_ids) > 0
    error_message = "prod must not run SageMaker jobs outside your VPC: set sagemaker_vpc.subnet_ids and sagemaker_vpc.security_group_ids in terraform/environments/prod.tfvars."
  }
}

variable "automl" {
  description = <<-EOT
    Limits of a training by Autopilot:
    max_candidates: candidates to try. 1 to 750.
    max_runtime_seconds: seconds to search. At least 1.
  EOT
  type = object({
    max_candidates      = number
    max_runtime_seconds = number
  })

  validation {
    condition     = var.automl.max_candidates >= 1 && floor(var.automl.max_candidates) == var.automl.max_candidates && var.automl.max_candidates <= 750
    error_message = "automl.max_candidates must be a whole number from 1 to 750."
  }

  validation {
    condition     = var.automl.max_runtime_seconds >= 1
    error_message = "automl.max_runtime_seconds must be at least 1."
  }
}

variable "retraining" {
  description = <<-EOT
    When the ML pipeline wants another model. It never trains twice on the same labeled set without being asked.
    maximum_model_age_days: days after the model in use was registered. At least 1.
    on_drift: whether to train again when members have drifted from the model's training data.
  EOT
  type = object({
    maximum_model_age_days = optional(number, 30)
    on_drift               = optional(bool, true)
  })
  default = {}

  validation {
    condition     = var.retraining.maximum_model_age_days >= 1
    error_message = "retraining.maximum_model_age_days must be at least 1."
  }
}

variable "transform" {
  description = <<-EOT
    Batch transform that scores a snapshot:
    instance_count: instances. At least 1.
    instance_type: SageMaker instance type.
  EOT
  type = object({
    instance_count = number
    instance_type  = optional(string, "ml.m5.xlarge")
  })

  validation {
    condition     = var.transform.instance_count >= 1 && floor(var.transform.instance_count) == var.transform.instance_count
    error_message = "transform.instance_count must be a whole number of at least 1."
  }

  validation {
    condition     = startswith(var.transform.instance_type, "ml.")
    error_message = "transform.instance_type must be a SageMaker instance type, such as ml.m5.xlarge."
  }
}

variable "push" {
  description = <<-EOT
    Push of stages to the table by the Glue job:
    ttl_days: days until DynamoDB can delete an item that no push has written again. 1 to 28, because the pipeline keeps what the table holds for 30 days.
    snapshots_before_stage_change: consecutive snapshots that must predict a new stage before the served stage changes. 1 changes it at once.
    worker_count: Glue workers (G.1X). At least 2.
    max_retries: times that Glue retries a failed run. 0 to 10.
    maximum_writes_per_second: writes per second of a run. At least 1.
    maximum_events_per_second: change events per second of a run. At least 1. EventBridge limits the requests of an account, each of which holds up to 10 events.
    refresh_margin_days: days before an item expires on which it is written again even if nothing has changed. At least 1 and less than ttl_days.
    probability_tolerance: smallest difference of a probability that is written. Above 0 and at most 1.
  EOT
  type = object({
    ttl_days                      = number
    snapshots_before_stage_change = optional(number, 1)
    worker_count                  = optional(number, 10)
    max_retries                   = optional(number, 3)
    maximum_writes_per_second     = optional(number, 4000)
    maximum_events_per_second     = optional(number, 2000)
    refresh_margin_days           = optional(number, 2)
    probability_tolerance         = optional(number, 0.02)
  })

  validation {
    condition     = var.push.ttl_days >= 1 && var.push.ttl_days <= 28 && floor(var.push.ttl_days) == var.push.ttl_days
    error_message = "push.ttl_days must be a whole number from 1 to 28."
  }

  validation {
    condition     = var.push.snapshots_before_stage_change >= 1 && floor(var.push.snapshots_before_stage_change) == var.push.snapshots_before_stage_change
    error_message = "push.snapshots_before_stage_change must be a whole number of at least 1."
  }

  validation {
    condition     = var.push.worker_count >= 2 && floor(var.push.worker_count) == var.push.worker_count
    error_message = "push.worker_count must be a whole number of at least 2, because Glue needs two workers for Spark."
  }

  validation {
    condition     = var.push.max_retries >= 0 && floor(var.push.max_retries) == var.push.max_retries && var.push.max_retries <= 10
    error_message = "push.max_retries must be a whole number from 0 to 10."
  }

  validation {
    condition     = var.push.refresh_margin_days >= 1 && var.push.refresh_margin_days < max(var.push.ttl_days, 2) && floor(var.push.refresh_margin_days) == var.push.refresh_margin_days
    error_message = "push.refresh_margin_days must be a whole number of at least 1 and less than push.ttl_days."
  }

  validation {
    condition     = var.push.probability_tolerance > 0 && var.push.probability_tolerance <= 1
    error_message = "push.probability_tolerance must be above 0 and at most 1."
  }

  validation {
    condition     = var.push.maximum_writes_per_second >= 1
    error_message = "push.maximum_writes_per_second must be at least 1."
  }

  validation {
    condition     = var.push.maximum_events_per_second >= 1
    error_message = "push.maximum_events_per_second must be at least 1."
  }
}

variable "audit" {
  description = <<-EOT
    What a day may differ from the snapshot served before, so that its stages reach the table without a person:
    lowest_member_change, highest_member_change: change in the number of scored members; -0.1 means 10% fewer.
    stage_mix_psi: population stability index of the served stages. More than 0.25 usually means a different population.
    stage_mix_psi_of_new_model: the same on another model's first day.
    flip_rate_of_new_model: share of members whose stage changes on another model's first day. On other days, the limit is three times alerts.maximum_flip_rate.
    quarantined_share: share of the scored lines that can be quarantined.
    quarantined_lines: lines that can always be quarantined.
  EOT
  type = object({
    lowest_member_change       = optional(number, -0.1)
    highest_member_change      = optional(number, 0.25)
    stage_mix_psi              = optional(number, 0.25)
    stage_mix_psi_of_new_model = optional(number, 0.5)
    flip_rate_of_new_model     = optional(number, 0.6)
    quarantined_share          = optional(number, 0.001)
    quarantined_lines          = optional(number, 10)
  })
  default = {}

  validation {
    condition     = var.audit.lowest_member_change >= -1 && var.audit.lowest_member_change <= 0 && var.audit.highest_member_change >= 0
    error_message = "audit.lowest_member_change must be -1 to 0, and audit.highest_member_change at least 0."
  }

  validation {
    condition     = alltrue([for name, limit in var.audit : limit > 0 if !endswith(name, "member_change")])
    error_message = "All limits of audit but the changes in members must be above 0."
  }
}

variable "polls" {
  description = <<-EOT
    How the ML pipeline waits: seconds between two checks, and the maximum number of checks. Both are at least 1. An execution can write 25,000 events, and a check writes up to 21.
    daily_data: for features that are late. The default waits 3 hours.
    automl, transform, upload: for jobs.
  EOT
  type = object({
    daily_data = optional(object({ seconds = number, limit = number }), { seconds = 300, limit = 36 })
    automl     = optional(object({ seconds = number, limit = number }), { seconds = 120, limit = 120 })
    transform  = optional(object({ seconds = number, limit = number }), { seconds = 120, limit = 120 })
    upload     = optional(object({ seconds = number, limit = number }), { seconds = 120, limit = 240 })
  })
  default = {}

  validation {
    condition     = alltrue([for poll in var.polls : poll.seconds >= 1 && poll.limit >= 1])
    error_message = "In polls, seconds and limit must be at least 1."
  }
}

variable "schedules" {
  description = <<-EOT
    Schedules that start the pipelines (EventBridge Scheduler, UTC):
    enabled: whether the schedules are on.
    etl: expression of the ETL's schedule. The default, every 8 hours, gives the ML pipeline recent features.
    ml: expression of the ML pipeline's schedule: cron(minute hour * * ? *), once a day at a fixed time, because one snapshot is due every day.
  EOT
  type = object({
    enabled = bool
    etl     = optional(string, "cron(0 0/8 * * ? *)")
    ml      = optional(string, "cron(0 10 * * ? *)")
  })

  validation {
    condition     = can(regex("^(rate|cron|at)\\(.+\\)$", var.schedules.etl))
    error_message = "schedules.etl must be rate(...), cron(...) or at(...)."
  }

  validation {
    condition     = can(regex("^cron\\([0-5]?[0-9] ([01]?[0-9]|2[0-3]) \\* \\* \\? \\*\\)$", var.schedules.ml))
    error_message = "schedules.ml must be cron(minute hour * * ? *), such as cron(0 10 * * ? *) for 10:00 UTC every day."
  }
}

variable "alerts" {
  description = <<-EOT
    Who gets alerts, and when:
    emails: addresses to send alerts to.
    freshness_grace_hours: hours after the start of a scheduled ML run until its snapshot must be live. 1 to 24. The default of 6 covers 3 hours of waiting for late features, and the run.
    maximum_flip_rate: highest expected flip rate, above 0 and at most 1. The default of 0.15 is four times the daily rate among the members of the original study.
    monthly_budget_usd: costs per month in US dollars. A forecast above this amount sends an alert.
  EOT
  type = object({
    emails                = optional(list(string), [])
    freshness_grace_hours = optional(number, 6)
    maximum_flip_rate     = optional(number, 0.15)
    monthly_budget_usd    = number
  })

  validation {
    condition     = alltrue([for address in var.alerts.emails : can(regex("^[^@\\s]+@[^@\\s]+$", address))])
    error_message = "alerts.emails must contain email addresses."
  }

  validation {
    condition     = var.alerts.freshness_grace_hours >= 1 && var.alerts.freshness_grace_hours <= 24 && floor(var.alerts.freshness_grace_hours) == var.alerts.freshness_grace_hours
    error_message = "alerts.freshness_grace_hours must be a whole number from 1 to 24."
  }

  validation {
    condition     = var.alerts.maximum_flip_rate > 0 && var.alerts.maximum_flip_rate <= 1
    error_message = "alerts.maximum_flip_rate must be above 0 and at most 1."
  }

  validation {
    condition     = var.alerts.monthly_budget_usd > 0
    error_message = "alerts.monthly_budget_usd must be above 0."
  }
}

variable "erasure_principal_arns" {
  description = "ARNs of the users and roles that can take the role of make find-members and make forget-members. Empty means that there is no such role."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.erasure_principal_arns : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:(root|(user|role)/.+)$", arn))])
    error_message = "erasure_principal_arns must contain ARNs of IAM users, roles or accounts."
  }
}

variable "reader_principal_arns" {
  description = "ARNs of the IAM roles and users of product teams, in this or another account, that can read single items of the table and call the lookup. AWS refuses principals that do not exist. Set the same list for terraform/bootstrap. See docs/for_product_teams.md."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.reader_principal_arns : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:(user|role)/[\\w+=,.@/-]+$", arn))])
    error_message = "reader_principal_arns must contain ARNs of IAM users or roles, without wildcards."
  }

  validation {
    condition     = length(distinct(var.reader_principal_arns)) == length(var.reader_principal_arns)
    error_message = "reader_principal_arns must name each principal once."
  }
}

variable "lookup" {
  description = <<-EOT
    The lookup that product teams call:
    concurrency: requests that are answered at the same time; further ones get status 429. The account needs 100 more than this. -1 reserves none.
  EOT
  type        = object({ concurrency = optional(number, 50) })
  default     = {}

  validation {
    condition     = var.lookup.concurrency == -1 || (var.lookup.concurrency >= 1 && floor(var.lookup.concurrency) == var.lookup.concurrency)
    error_message = "lookup.concurrency must be a whole number of at least 1, or -1."
  }
}

variable "athena_bytes_scanned_limit" {
  description = "Bytes that one Athena query can scan before Athena cancels it. At least 10 MB (10485760)."
  type        = number
  default     = 1099511627776

  validation {
    condition     = var.athena_bytes_scanned_limit >= 10485760
    error_message = "athena_bytes_scanned_limit must be at least 10485760 (10 MB), Athena's minimum."
  }
}
