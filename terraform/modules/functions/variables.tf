variable "environment" {
  description = "Name of the environment. Every resource name includes it."
  type        = string
}

variable "tags" {
  description = "Tags of the SageMaker resources that the functions create, which are those of every other resource."
  type        = map(string)
}

variable "packages_directory" {
  description = "Folder of the packages. A function changes when the hash of its package changes."
  type        = string
}

variable "code_bucket" {
  description = "Bucket that holds the published code."
  type        = string
}

variable "code_prefix" {
  description = "Prefix of the code version to deploy, with a slash at its end."
  type        = string
}

variable "pipeline_bucket" {
  description = "Pipeline bucket."
  type        = string
}

variable "layout" {
  description = "S3 prefixes and keys from buyer_stage/domain/s3_layout.py. Prefixes end with a slash."
  type = object({
    features                = string
    feature_profiles        = string
    train                   = string
    validation              = string
    test                    = string
    train_with_members      = string
    validation_with_members = string
    test_with_members       = string
    labeled_set_manifest    = string
    models                  = string
    model_cards             = string
    holdout_scores          = string
    drift_baselines         = string
    push_receipts           = string
    current_publication     = string
    served_items            = string
    serving                 = string
    drift_reports           = string
    run_receipts            = string
    automl_output           = string
  })
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts environment variables, logs, and all data that the functions read and write."
  type        = string
}

variable "permissions_boundary_arn" {
  description = "ARN of the policy that limits every role."
  type        = string
}

variable "logs" {
  description = "Log level, and days to keep logs."
  type        = object({ level = string, retention_days = number })
}

variable "metrics_namespace" {
  description = "CloudWatch namespace of the functions' metrics."
  type        = string
}

variable "topic_arn" {
  description = "ARN of the topic that receives alerts."
  type        = string
}

variable "glue_job_name" {
  description = "Name of the Glue job that pushes stages to DynamoDB."
  type        = string
}

variable "sagemaker_role_arns" {
  description = "ARNs of the roles that SageMaker uses: of Autopilot's jobs, and of a model that scores."
  type        = object({ autopilot = string, model = string })
}

variable "state_machine_names" {
  description = "Names of the state machines whose executions have receipts."
  type        = list(string)
}

variable "job_prefix" {
  description = "Start of the names of the environment's SageMaker jobs and models."
  type        = string
}

variable "sagemaker_vpc" {
  description = "Subnets and security groups of the SageMaker jobs. Empty lists run the jobs outside your VPC."
  type        = object({ subnet_ids = list(string), security_group_ids = list(string) })
}

variable "model_package_group_name" {
  description = "Name of the model package group that models are registered in."
  type        = string
}

variable "automl" {
  description = "Limits of a training by Autopilot. See the root variable."
  type        = object({ max_candidates = number, max_runtime_seconds = number })
}

variable "retraining" {
  description = "When to train again. See the root variable."
  type        = object({ maximum_model_age_days = number, on_drift = bool })
}

variable "transform" {
  description = "Instances of the batch transform."
  type        = object({ instance_count = number, instance_type = string })
}

variable "freshness" {
  description = "When a snapshot should be live: expression of the ML pipeline's schedule, days that the data lake is behind, and hours that a run can take."
  type        = object({ ml_schedule = string, lag_days = number, grace_hours = number })
}

variable "push" {
  description = "Days until an item expires, snapshots before a stage changes, and times that Glue retries a failed run."
  type        = object({ ttl_days = number, snapshots_before_stage_change = number, max_retries = number })
}

variable "table" {
  description = "Table that the lookup reads."
  type        = object({ name = string, arn = string })
}

variable "lookup" {
  description = "Limit of the lookup. See the root variable."
  type        = object({ concurrency = number })
}
