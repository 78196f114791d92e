# The whole configuration: names, tags, and values that are refused.
mock_provider "aws" {
  source = "./tests"
}

variables {
  environment         = "dev"
  tags                = { owner = "team" }
  datalake            = { bucket = "example-datalake" }
  deletion_protection = false
  automl              = { max_candidates = 200, max_runtime_seconds = 8000 }
  transform           = { instance_count = 4 }
  push                = { ttl_days = 5 }
  schedules           = { enabled = true }
  alerts              = { monthly_budget_usd = 100 }
}

run "every_name_starts_with_the_product_and_ends_with_the_environment" {
  command = plan

  assert {
    condition = alltrue([
      for purpose, name in local.names :
      can(regex("^(alias/)?buyer[-_]stage[-_]([a-z0-9-]+-)?dev(-123456789012)?$", name)) || purpose == "metrics_namespace"
    ])
    error_message = "A name does not follow the rule: ${jsonencode(local.names)}"
  }

  assert {
    condition     = output.table_name == "buyer-stage-ml-pipeline-results-dev"
    error_message = "Product teams read the table buyer-stage-ml-pipeline-results-{env}, not ${output.table_name}."
  }
}

run "every_resource_has_the_tags" {
  command = plan

  assert {
    condition     = local.tags == { owner = "team", product = "buyer-stage", component = "pipelines", environment = "dev", classification = "confidential" }
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

run "unknown_environment_is_refused" {
  command = plan

  variables {
    environment = "test"
  }

  expect_failures = [var.environment]
}

run "prod_without_subnets_is_refused" {
  command = plan

  variables {
    environment = "prod"
  }

  expect_failures = [var.emr, var.sagemaker_vpc]
}

run "placeholders_in_a_real_account_are_refused" {
  command = plan

  variables {
    environment   = "prod"
    emr           = { subnet_ids = ["subnet-0a1b2c3d"] }
    sagemaker_vpc = { subnet_ids = ["subnet-0a1b2c3d"], security_group_ids = ["sg-00000000000000000"] }
  }

  expect_failures = [data.aws_caller_identity.current]
}

run "existing_trail_replaces_ours" {
  command = plan

  variables {
    existing_trail_arn = "arn:aws:cloudtrail:us-west-2:123456789012:trail/organization"
  }

  assert {
    condition     = length(module.audit) == 0
    error_message = "There are two trails, and each data event is paid for twice."
  }
}

# Each run breaks one rule of every variable that still has rules left, and nothing else.

run "values_out_of_range_are_refused_1" {
  command = plan

  variables {
    existing_trail_arn         = "trail"
    region                     = "Oregon"
    tags                       = { owner = "" }
    logs                       = { level = "LOUD" }
    datalake                   = { bucket = "UPPER" }
    emr                        = { release = "emr-6.15.0" }
    sagemaker_vpc              = { subnet_ids = ["subnet-1"] }
    automl                     = { max_candidates = 751, max_runtime_seconds = 8000 }
    retraining                 = { maximum_model_age_days = 0 }
    transform                  = { instance_count = 0.5 }
    push                       = { ttl_days = 0 }
    polls                      = { automl = { seconds = 0, limit = 1 } }
    schedules                  = { enabled = true, etl = "daily" }
    alerts                     = { monthly_budget_usd = 100, freshness_grace_hours = 0 }
    athena_bytes_scanned_limit = 1
  }

  expect_failures = [
    var.region, var.tags, var.existing_trail_arn, var.logs, var.datalake, var.emr,
    var.sagemaker_vpc, var.automl, var.retraining, var.transform, var.push, var.polls, var.schedules, var.alerts,
    var.athena_bytes_scanned_limit,
  ]
}

run "values_out_of_range_are_refused_2" {
  command = plan

  variables {
    tags      = { owner = "team", product = "<product>" }
    logs      = { job_retention_days = 2 }
    datalake  = { bucket = "lake", survey_uri = "s3://bucket/survey.csv" }
    emr       = { cluster_minutes = 90 }
    automl    = { max_candidates = 0, max_runtime_seconds = 8000 }
    transform = { instance_count = 0 }
    push      = { ttl_days = 5, snapshots_before_stage_change = 0 }
    polls     = { transform = { seconds = 1, limit = 0 } }
    schedules = { enabled = true, ml = "rate(1 day)" }
    alerts    = { monthly_budget_usd = 0 }
  }

  expect_failures = [
    var.tags, var.logs, var.datalake, var.emr, var.automl, var.transform, var.push, var.polls, var.schedules,
    var.alerts,
  ]
}

run "values_out_of_range_are_refused_3" {
  command = plan

  variables {
    tags      = { owner = "team", component = "" }
    logs      = { retention_days = 2 }
    datalake  = { bucket = "lake", lag_days = -1 }
    emr       = { subnet_ids = ["vpc-1"] }
    automl    = { max_candidates = 200, max_runtime_seconds = 0 }
    transform = { instance_count = 4, instance_type = "m5.xlarge" }
    push      = { ttl_days = 5, worker_count = 1 }
    polls     = { upload = { seconds = 0, limit = 0 } }
    alerts    = { monthly_budget_usd = 100, emails = ["team"] }
  }

  expect_failures = [
    var.tags, var.logs, var.datalake, var.emr, var.automl, var.transform, var.push, var.polls, var.alerts,
  ]
}

run "values_out_of_range_are_refused_4" {
  command = plan

  variables {
    tags     = { owner = "team", classification = "cosmic" }
    datalake = { bucket = "lake", lag_days = 0.5 }
    emr      = { master_instance_types = [] }
    push     = { ttl_days = 5, max_retries = 11 }
    alerts   = { monthly_budget_usd = 100, freshness_grace_hours = 25 }
  }

  expect_failures = [var.tags, var.datalake, var.emr, var.push, var.alerts]
}

run "values_out_of_range_are_refused_5" {
  command = plan

  variables {
    emr    = { core_instance_types = [] }
    push   = { ttl_days = 5, refresh_margin_days = 5 }
    alerts = { monthly_budget_usd = 100, maximum_flip_rate = 0 }
  }

  expect_failures = [var.emr, var.push, var.alerts]
}

run "values_out_of_range_are_refused_6" {
  command = plan

  variables {
    emr    = { core_instance_count = 0 }
    push   = { ttl_days = 5, maximum_writes_per_second = 0 }
    polls  = { daily_data = { seconds = 1, limit = 0 } }
    alerts = { monthly_budget_usd = 100, maximum_flip_rate = 1.1 }
  }

  expect_failures = [var.emr, var.push, var.polls, var.alerts]
}

run "values_out_of_range_are_refused_7" {
  command = plan

  variables {
    emr = { core_instance_limit = 0 }
  }

  expect_failures = [var.emr]
}

run "readers_are_single_roles_and_users_and_some_can_be_answered" {
  command = plan

  variables {
    reader_principal_arns = ["arn:aws:iam::111111111111:root"]
    lookup                = { concurrency = 0 }
  }

  expect_failures = [var.reader_principal_arns, var.lookup]
}
