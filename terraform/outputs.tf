output "pipeline_bucket" {
  description = "Bucket that holds features, models, scores and code."
  value       = module.storage.bucket_name
}

output "datalake_bucket" {
  description = "Bucket of the data lake."
  value       = var.datalake_bucket
}

output "table_name" {
  description = "Table that product teams read."
  value       = module.serving_table.table_name
}

output "topic_arn" {
  description = "Topic that failures are published to."
  value       = module.notifications.topic_arn
}

output "etl_state_machine_arn" {
  description = "State machine that makes the features."
  value       = module.etl_pipeline.state_machine_arn
}

output "ml_state_machine_arn" {
  description = "State machine that scores members."
  value       = module.ml_pipeline.state_machine_arn
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
