environment         = "prod"
owner               = "buyer-stage-team"
datalake_bucket     = "example-datalake-prod"
deletion_protection = true
ttl_days            = 7

automl_max_candidates      = 250
automl_max_runtime_seconds = 8000
transform_instance_count   = 5

schedules_enabled  = true
rows_written_band  = { minimum = 1000, maximum = 5000000 }
monthly_budget_usd = 4000
