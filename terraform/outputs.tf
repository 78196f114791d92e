output "pipeline_bucket" {
  description = "Pipeline bucket. It holds features, models and scores."
  value       = module.storage.bucket_name
}

output "datalake_bucket" {
  description = "Bucket of the data lake."
  value       = var.datalake.bucket
}

output "table_name" {
  description = "DynamoDB table that product teams read."
  value       = module.serving_table.table_name
}

output "for_product_teams" {
  description = "What a product team needs to know to use the lookup, the table, and the event bus."
  value = {
    lookup_url    = module.lookup.url
    lookup_arn    = module.functions.live_alias_arns["look_up_stage"]
    table_arn     = module.serving_table.table_arn
    key_arn       = data.aws_kms_alias.this.target_key_arn
    event_bus_arn = module.change_events.bus_arn
  }
}

output "topic_arn" {
  description = "ARN of the topic that receives alerts."
  value       = module.notifications.topic_arn
}

output "etl_state_machine_alias_arn" {
  description = "ARN of the ETL's live version. Start this alias to build features."
  value       = module.etl_pipeline.alias_arn
}

output "ml_state_machine_alias_arn" {
  description = "ARN of the ML pipeline's live version. Start this alias to score members."
  value       = module.ml_pipeline.alias_arn
}

output "glue_job_name" {
  description = "Glue job that pushes stages to DynamoDB."
  value       = module.glue_job.job_name
}

output "code_version" {
  description = "Version of the deployed code."
  value       = local.code_version
}

output "function_names" {
  description = "Name of each deployed function, by its folder in lambdas/."
  value       = module.functions.names
}

output "model_package_group_name" {
  description = "Model package group that models are registered in."
  value       = module.ml_pipeline.model_package_group_name
}

output "database_name" {
  description = "Glue Data Catalog database of the data lake's tables."
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
