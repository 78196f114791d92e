# The whole configuration: names, tags, and what is refused.
mock_provider "aws" {
  source = "./tests"
}

variables {
  environment                = "dev"
  owner                      = "team"
  datalake_bucket            = "example-datalake"
  deletion_protection        = false
  ttl_days                   = 5
  automl_max_candidates      = 200
  automl_max_runtime_seconds = 8000
  transform_instance_count   = 4
  schedules_enabled          = true
  rows_written_band          = { minimum = 1, maximum = 1000000 }
  monthly_budget_usd         = 100
}

run "every_name_begins_with_the_product_and_ends_with_the_environment" {
  command = plan

  assert {
    condition = alltrue([
      for purpose, name in local.names :
      can(regex("^(alias/)?buyer[-_]stage[-_]([a-z0-9-]+-)?dev(-123456789012)?$", name)) || purpose == "metrics_namespace"
    ])
    error_message = "A name breaks the rule: ${jsonencode(local.names)}"
  }

  assert {
    condition     = output.table_name == "buyer-stage-ml-pipeline-results-dev"
    error_message = "Product teams read buyer-stage-ml-pipeline-results-{env}, not ${output.table_name}."
  }
}

run "tags_are_on_everything" {
  command = plan

  assert {
    condition     = local.tags == { owner = "team", product = "buyer-stage", component = "pipelines", environment = "dev", classification = "internal" }
    error_message = "The provider's default tags are ${jsonencode(local.tags)}."
  }
}

run "local_environment_in_a_real_account_is_refused" {
  command = plan

  variables {
    environment = "local"
  }

  expect_failures = [data.aws_caller_identity.current]
}

run "values_that_cannot_be_meant_are_refused" {
  command = plan

  variables {
    environment                   = "test"
    region                        = "Oregon"
    owner                         = ""
    classification                = "cosmic"
    permissions_boundary_arn      = "boundary"
    log_retention_days            = 2
    log_level                     = "LOUD"
    alert_emails                  = ["nobody"]
    datalake_bucket               = "UPPER"
    survey_uri                    = "s3://bucket/survey.csv"
    lag_days                      = -1
    ttl_days                      = 0
    emr_release                   = "emr-6.15.0"
    emr_cluster_minutes           = 90
    emr_subnet_ids                = ["vpc-1"]
    emr_master_instance_types     = []
    emr_core_instance_types       = []
    emr_core_instance_count       = 0
    emr_core_instance_limit       = 0
    automl_max_candidates         = 751
    automl_max_runtime_seconds    = 0
    maximum_model_age_days        = 0
    snapshots_before_stage_change = 0
    maximum_flip_rate             = 0
    transform_instance_type       = "m5.xlarge"
    transform_instance_count      = 0.5
    sagemaker_vpc                 = { subnet_ids = ["subnet-1"] }
    glue_worker_count             = 1
    glue_max_retries              = 11
    write_partitions              = 0
    maximum_writes_per_second     = 0
    automl_poll                   = { seconds = 0, limit = 1 }
    transform_poll                = { seconds = 1, limit = 0 }
    upload_poll                   = { seconds = 0, limit = 0 }
    etl_schedule                  = "daily"
    ml_schedule                   = "daily"
    stale_after_hours             = 1
    rows_written_band             = { minimum = 2, maximum = 1 }
    monthly_budget_usd            = 0
    athena_bytes_scanned_limit    = 1
  }

  expect_failures = [
    var.environment, var.region, var.owner, var.classification, var.permissions_boundary_arn, var.log_retention_days,
    var.log_level, var.alert_emails, var.datalake_bucket, var.survey_uri, var.lag_days, var.ttl_days, var.emr_release,
    var.emr_cluster_minutes, var.emr_subnet_ids, var.emr_master_instance_types, var.emr_core_instance_types,
    var.emr_core_instance_count, var.emr_core_instance_limit, var.automl_max_candidates,
    var.automl_max_runtime_seconds, var.maximum_model_age_days, var.transform_instance_type, var.transform_instance_count, var.sagemaker_vpc,
    var.glue_worker_count, var.glue_max_retries, var.write_partitions, var.maximum_writes_per_second, var.automl_poll,
    var.transform_poll, var.upload_poll, var.etl_schedule, var.ml_schedule, var.stale_after_hours,
    var.rows_written_band, var.snapshots_before_stage_change, var.maximum_flip_rate, var.monthly_budget_usd, var.athena_bytes_scanned_limit,
  ]
}
