environment         = "dev"
owner               = "buyer-stage-team"
datalake_bucket     = "example-datalake-dev"
deletion_protection = false
ttl_days            = 5

automl_max_candidates      = 200
automl_max_runtime_seconds = 8000
transform_instance_count   = 4

schedules_enabled  = true
rows_written_band  = { minimum = 1000, maximum = 5000000 }
monthly_budget_usd = 1500
