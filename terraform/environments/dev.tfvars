environment         = "dev"
deletion_protection = false

tags      = { owner = "buyer-stage-team" }
datalake  = { bucket = "amzn-s3-demo-datalake-dev" } # A placeholder: S3 lets no account create a bucket with this prefix.
automl    = { max_candidates = 200, max_runtime_seconds = 8000 }
transform = { instance_count = 4 }
push      = { ttl_days = 5 }
schedules = { enabled = true }

alerts = {
  monthly_budget_usd = 1500
}
