environment         = "local"
deletion_protection = false

tags      = { owner = "local" }
datalake  = { bucket = "buyer-stage-datalake-local" }
emr       = { core_instance_count = 1, core_instance_limit = 1 }
automl    = { max_candidates = 8, max_runtime_seconds = 60 }
transform = { instance_count = 1 }
push      = { ttl_days = 5, worker_count = 2, max_retries = 0 }
schedules = { enabled = false }

erasure_principal_arns = ["arn:aws:iam::000000000000:root"]
reader_principal_arns  = ["arn:aws:iam::111111111111:role/product-team"]

polls = {
  daily_data = { seconds = 1, limit = 1 }
  automl     = { seconds = 1, limit = 1800 }
  transform  = { seconds = 1, limit = 1800 }
  upload     = { seconds = 1, limit = 1800 }
}

alerts = {
  monthly_budget_usd = 1
}
