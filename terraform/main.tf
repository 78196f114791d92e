resource "aws_kms_key" "this" {
  description             = "Encrypts everything the buyer stage pipelines keep (${var.environment})."
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy                  = data.aws_iam_policy_document.key.json
}

resource "aws_kms_alias" "this" {
  name          = local.names.key_alias
  target_key_id = aws_kms_key.this.id
}

data "aws_iam_policy_document" "key" {
  statement {
    sid       = "AccountDecidesByItsPolicies"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::${local.account_id}:root"]
    }
  }

  statement {
    sid       = "LogGroups"
    actions   = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:GenerateDataKey", "kms:DescribeKey"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["logs.${var.region}.amazonaws.com"]
    }

    condition {
      test     = "ArnLike"
      variable = "kms:EncryptionContext:aws:logs:arn"
      values   = ["arn:aws:logs:${var.region}:${local.account_id}:log-group:*"]
    }
  }
}

module "storage" {
  source = "./modules/storage"

  bucket_name        = local.names.pipeline_bucket
  kms_key_arn        = aws_kms_key.this.arn
  force_destroy      = !var.deletion_protection
  packages_directory = local.packages_directory
  code_version       = local.code_version
}

module "notifications" {
  source = "./modules/notifications"

  topic_name   = local.names.topic
  kms_key_arn  = aws_kms_key.this.arn
  alert_emails = var.alert_emails
}

module "serving_table" {
  source = "./modules/serving_table"

  table_name          = local.names.table
  kms_key_arn         = aws_kms_key.this.arn
  deletion_protection = var.deletion_protection
}

module "functions" {
  source = "./modules/functions"

  environment                = var.environment
  packages_directory         = local.packages_directory
  code_prefix                = module.storage.code_prefix
  permissions_boundary_arn   = var.permissions_boundary_arn
  kms_key_arn                = aws_kms_key.this.arn
  log_level                  = var.log_level
  log_retention_days         = var.log_retention_days
  pipeline_bucket            = module.storage.bucket_name
  topic_arn                  = module.notifications.topic_arn
  glue_job_name              = module.glue_job.job_name
  glue_max_retries           = var.glue_max_retries
  sagemaker_role_arn         = module.ml_pipeline.sagemaker_role_arn
  automl_max_candidates      = var.automl_max_candidates
  automl_max_runtime_seconds = var.automl_max_runtime_seconds
  transform_instance_type    = var.transform_instance_type
  transform_instance_count   = var.transform_instance_count
  ttl_days                   = var.ttl_days
}

module "glue_job" {
  source = "./modules/glue_job"

  job_name                  = local.names.glue_job
  code_uri                  = module.storage.code_uri
  pipeline_bucket           = module.storage.bucket_name
  table_name                = module.serving_table.table_name
  table_arn                 = module.serving_table.table_arn
  kms_key_arn               = aws_kms_key.this.arn
  permissions_boundary_arn  = var.permissions_boundary_arn
  worker_count              = var.glue_worker_count
  max_retries               = var.glue_max_retries
  write_partitions          = var.write_partitions
  maximum_writes_per_second = var.maximum_writes_per_second
}

module "etl_pipeline" {
  source = "./modules/etl_pipeline"

  environment               = var.environment
  state_machine_name        = local.names.etl_state_machine
  template                  = "${local.state_machine_directory}/etl_pipeline.asl.json"
  snapshot_date             = local.snapshot_date
  code_uri                  = module.storage.code_uri
  pipeline_bucket           = module.storage.bucket_name
  datalake_bucket           = var.datalake_bucket
  survey_uri                = local.survey_uri
  send_sns_notification_arn = module.functions.arns["send_sns_notification"]
  kms_key_arn               = aws_kms_key.this.arn
  permissions_boundary_arn  = var.permissions_boundary_arn
  log_retention_days        = var.log_retention_days
  release                   = var.emr_release
  subnet_ids                = var.emr_subnet_ids
  master_instance_types     = var.emr_master_instance_types
  core_instance_types       = var.emr_core_instance_types
  core_instance_count       = var.emr_core_instance_count
  tags                      = local.tags
}

module "ml_pipeline" {
  source = "./modules/ml_pipeline"

  environment              = var.environment
  state_machine_name       = local.names.ml_state_machine
  template                 = "${local.state_machine_directory}/ml_pipeline.asl.json"
  snapshot_date            = local.snapshot_date
  function_arns            = module.functions.arns
  pipeline_bucket          = module.storage.bucket_name
  kms_key_arn              = aws_kms_key.this.arn
  permissions_boundary_arn = var.permissions_boundary_arn
  log_retention_days       = var.log_retention_days
  automl_poll              = var.automl_poll
  transform_poll           = var.transform_poll
  upload_poll              = var.upload_poll
}
