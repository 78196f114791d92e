# terraform/bootstrap creates the key and the boundary of the roles. Only people change them.
data "aws_kms_alias" "this" {
  name = local.names.key_alias
}

module "storage" {
  source = "./modules/storage"

  bucket_name             = local.names.pipeline_bucket
  kms_key_arn             = data.aws_kms_alias.this.target_key_arn
  force_destroy           = !var.deletion_protection
  layout                  = local.layout
  suppression_secret_name = local.names.suppression_secret
}

module "notifications" {
  source = "./modules/notifications"

  topic_name  = local.names.topic
  kms_key_arn = data.aws_kms_alias.this.target_key_arn
  emails      = var.alerts.emails
}

module "serving_table" {
  source = "./modules/serving_table"

  table_name          = local.names.table
  kms_key_arn         = data.aws_kms_alias.this.target_key_arn
  deletion_protection = var.deletion_protection

  reader_principal_arns = var.reader_principal_arns
}

module "change_events" {
  source = "./modules/change_events"

  bus_name              = local.names.event_bus
  reader_principal_arns = var.reader_principal_arns
}

module "audit" {
  count = var.existing_trail_arn == null ? 1 : 0

  source = "./modules/audit"

  trail_name    = local.names.trail
  bucket_name   = local.names.audit_bucket
  kms_key_arn   = data.aws_kms_alias.this.target_key_arn
  force_destroy = !var.deletion_protection
  # What holds members' data.
  data_buckets = [module.storage.bucket_name]
  data_tables  = [module.serving_table.table_arn]
}

module "erasure" {
  count = length(var.erasure_principal_arns) > 0 ? 1 : 0

  source = "./modules/erasure"

  role_name                = local.names.erasure_role
  principal_arns           = var.erasure_principal_arns
  pipeline_bucket          = module.storage.bucket_name
  layout                   = local.layout
  suppression_secret_arn   = module.storage.suppression_secret_arn
  table_arn                = module.serving_table.table_arn
  state_machine_arns       = [module.etl_pipeline.state_machine_arn, module.ml_pipeline.state_machine_arn]
  model_package_group_arn  = module.ml_pipeline.model_package_group_arn
  kms_key_arn              = data.aws_kms_alias.this.target_key_arn
  permissions_boundary_arn = local.permissions_boundary_arn
}

module "functions" {
  source = "./modules/functions"

  environment              = var.environment
  tags                     = local.tags
  packages_directory       = local.packages_directory
  code_bucket              = local.names.code_bucket
  code_prefix              = local.code_prefix
  pipeline_bucket          = module.storage.bucket_name
  layout                   = local.layout
  kms_key_arn              = data.aws_kms_alias.this.target_key_arn
  permissions_boundary_arn = local.permissions_boundary_arn
  logs                     = var.logs
  metrics_namespace        = local.names.metrics_namespace
  topic_arn                = module.notifications.topic_arn
  glue_job_name            = module.glue_job.job_name
  sagemaker_role_arns      = module.ml_pipeline.sagemaker_role_arns
  job_prefix               = local.job_prefix
  sagemaker_vpc            = var.sagemaker_vpc
  model_package_group_name = local.names.model_package_group
  state_machine_names      = [local.names.etl_state_machine, local.names.ml_state_machine]
  automl                   = var.automl
  retraining               = var.retraining
  freshness = {
    ml_schedule = var.schedules.ml
    lag_days    = var.datalake.lag_days
    grace_hours = var.alerts.freshness_grace_hours
  }
  transform = var.transform
  push      = var.push
  lookup    = var.lookup

  table = { name = module.serving_table.table_name, arn = module.serving_table.table_arn }
}

module "lookup" {
  source = "./modules/lookup"

  function_name         = module.functions.names["look_up_stage"]
  alias                 = module.functions.aliases["look_up_stage"]
  reader_principal_arns = var.reader_principal_arns
}

module "glue_job" {
  source = "./modules/glue_job"

  job_name                 = local.names.glue_job
  code_bucket              = local.names.code_bucket
  code_uri                 = local.code_uri
  pipeline_bucket          = module.storage.bucket_name
  layout                   = local.layout
  table_name               = module.serving_table.table_name
  table_arn                = module.serving_table.table_arn
  event_bus_name           = module.change_events.bus_name
  event_bus_arn            = module.change_events.bus_arn
  suppression_secret_arn   = module.storage.suppression_secret_arn
  kms_key_arn              = data.aws_kms_alias.this.target_key_arn
  permissions_boundary_arn = local.permissions_boundary_arn
  log_retention_days       = var.logs.job_retention_days
  push                     = var.push
  audit_limits             = merge(var.audit, { flip_rate = 3 * var.alerts.maximum_flip_rate })
}

module "etl_pipeline" {
  source = "./modules/etl_pipeline"

  environment              = var.environment
  state_machine_name       = local.names.etl_state_machine
  template                 = "${local.state_machine_directory}/etl_pipeline.asl.json"
  snapshot_date            = local.snapshot_date
  code_bucket              = local.names.code_bucket
  code_uri                 = local.code_uri
  pipeline_bucket          = module.storage.bucket_name
  layout                   = local.layout
  datalake_bucket          = var.datalake.bucket
  survey_uri               = local.survey_uri
  suppression_secret_arn   = module.storage.suppression_secret_arn
  function_arns            = { for name in local.etl_functions : name => module.functions.arns[name] }
  function_version_arns    = { for name in local.etl_functions : name => module.functions.version_arns[name] }
  kms_key_arn              = data.aws_kms_alias.this.target_key_arn
  permissions_boundary_arn = local.permissions_boundary_arn
  log_retention_days       = var.logs.retention_days
  emr                      = var.emr
  tags                     = local.tags
}

module "ml_pipeline" {
  source = "./modules/ml_pipeline"

  environment              = var.environment
  state_machine_name       = local.names.ml_state_machine
  template                 = "${local.state_machine_directory}/ml_pipeline.asl.json"
  snapshot_date            = local.snapshot_date
  function_arns            = module.functions.arns
  function_version_arns    = module.functions.version_arns
  model_package_group_name = local.names.model_package_group
  job_prefix               = local.job_prefix
  sagemaker_vpc            = var.sagemaker_vpc
  pipeline_bucket          = module.storage.bucket_name
  layout                   = local.layout
  kms_key_arn              = data.aws_kms_alias.this.target_key_arn
  permissions_boundary_arn = local.permissions_boundary_arn
  logs                     = var.logs
  polls                    = var.polls
}

module "schedules" {
  source = "./modules/schedules"

  environment              = var.environment
  enabled                  = var.schedules.enabled
  kms_key_arn              = data.aws_kms_alias.this.target_key_arn
  permissions_boundary_arn = local.permissions_boundary_arn

  schedules = {
    etl = {
      description = "Starts the ETL every 8 hours."
      alias_arn   = module.etl_pipeline.alias_arn
      action      = "states:StartExecution"
      input       = jsonencode({})
      expression  = var.schedules.etl
    }
    ml = {
      description = "Starts the ML pipeline every day."
      alias_arn   = module.ml_pipeline.alias_arn
      action      = "states:StartExecution"
      input       = jsonencode({})
      expression  = var.schedules.ml
    }
    freshness = {
      description = "Reports every hour how many snapshots the table is behind."
      alias_arn   = module.functions.live_alias_arns["report_freshness"]
      action      = "lambda:InvokeFunction"
      # jsonencode would escape the angle brackets of the placeholder.
      input = "{\"execution_name\": \"<aws.scheduler.execution-id>\"}"
      # In the middle of an hour, so that a start that is a little early or late stays in the hour of its metric.
      expression = "cron(30 * * * ? *)"
    }
  }
}

module "data_catalog" {
  source = "./modules/data_catalog"

  database_name       = local.names.database
  workgroup_name      = local.names.workgroup
  schema_file         = "${local.queries_directory}/datalake_schema.csv"
  queries_directory   = local.queries_directory
  datalake_bucket     = var.datalake.bucket
  survey_uri          = local.survey_uri
  pipeline_bucket     = module.storage.bucket_name
  layout              = local.layout
  kms_key_arn         = data.aws_kms_alias.this.target_key_arn
  bytes_scanned_limit = var.athena_bytes_scanned_limit
}

module "observability" {
  source = "./modules/observability"

  environment                   = var.environment
  topic_arn                     = module.notifications.topic_arn
  metrics_namespace             = local.names.metrics_namespace
  state_machine_arns            = { etl = module.etl_pipeline.state_machine_arn, ml = module.ml_pipeline.state_machine_arn }
  state_machine_log_group_names = { etl = module.etl_pipeline.log_group_name, ml = module.ml_pipeline.log_group_name }
  function_log_group_names      = module.functions.log_group_names
  dead_letter_queue_names       = module.schedules.dead_letter_queue_names
  table_name                    = module.serving_table.table_name
  glue_job_name                 = module.glue_job.job_name
  lookup_function_name          = module.functions.names["look_up_stage"]
  receipt_function_name         = module.functions.names["write_run_receipt"]
  event_bus_name                = module.change_events.bus_name
  alerts                        = var.alerts
  product                       = var.tags.product
}
