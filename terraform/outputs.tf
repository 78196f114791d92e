output "pipeline_bucket" {
  description = "Bucket that holds features, models, scores and code."
  value       = module.storage.bucket_name
}

output "datalake_bucket" {
  description = "Bucket of the data lake."
  value       = var.datalake.bucket
}

output "table_name" {
  description = "Table that product teams read."
  value       = module.serving_table.table_name
}

output "topic_arn" {
  description = "Topic that failures are published to."
  value       = module.notifications.topic_arn
}

output "etl_state_machine_alias_arn" {
  description = "What to start to make the features: the live version of the state machine."
  value       = module.etl_pipeline.alias_arn
}

output "ml_state_machine_alias_arn" {
  description = "What to start to score the members: the live version of the state machine."
  value       = module.ml_pipeline.alias_arn
}

output "glue_job_name" {
  description = "Job that pushes stages to DynamoDB."
  value       = module.glue_job.job_name
}

output "code_version" {
  description = "Version of the code that EMR and Glue run."
  value       = local.code_version
}

output "function_names" {
  description = "Folder of lambdas/ -> name of the deployed function."
  value       = module.functions.names
}

output "model_package_group_name" {
  description = "Where models are registered, approved and found."
  value       = module.ml_pipeline.model_package_group_name
}

output "database_name" {
  description = "Glue catalog database of the data lake's tables."
  value       = module.data_catalog.database_name
}

output "workgroup_name" {
  description = "Athena workgroup."
  value       = module.data_catalog.workgroup_name
}

output "dashboard_name" {
  description = "CloudWatch dashboard of the environment."
  value       = module.observability.dashboard_name
}
