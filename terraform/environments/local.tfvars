environment         = "local"
owner               = "nobody"
datalake_bucket     = "buyer-stage-datalake-local"
deletion_protection = false
ttl_days            = 5

automl_max_candidates      = 8
automl_max_runtime_seconds = 60
transform_instance_count   = 1

emr_core_instance_count = 1
emr_core_instance_limit = 1
glue_worker_count       = 2
glue_max_retries        = 0
write_partitions        = 4

automl_poll    = { seconds = 1, limit = 1800 }
transform_poll = { seconds = 1, limit = 1800 }
upload_poll    = { seconds = 1, limit = 1800 }

schedules_enabled  = false
rows_written_band  = { minimum = 1, maximum = 1000000 }
monthly_budget_usd = 1
